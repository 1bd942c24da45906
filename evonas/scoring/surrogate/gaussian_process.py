"""A Gaussian process over grouped features: a linear and a smooth part, and noise."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats

# Limits of the hyperparameters' logarithms, features and values being standardised.
_LIMITS = {
    "linear": (-5.0, 2.0),
    "smooth": (-5.0, 2.0),
    "noise": (-4.0, 0.5),
    "length": (-1.0, 4.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class GaussianProcess:
    """A fitted process.

    The covariance of two networks is linear^2 x.y + smooth^2 exp(-d^2 / 2), where d^2 sums, over
    the groups of features, the mean squared distance over the group's squared length, and x.y
    likewise averages within groups.

    Attributes:
        groups: (f,) group number of each feature.
        hyperparameters: Logarithms of linear, smooth, noise, and a length for each group.
        x: (n, f) standardised features of what it was fitted on.
        weights: (n,) of the covariances in a prediction.
        inverse: (n, n) of the covariance with noise.
    """

    groups: NDArray[np.int64]
    hyperparameters: Floats
    x: Floats
    weights: Floats
    inverse: Floats

    def predict(self, x: Floats) -> tuple[Floats, Floats]:
        """Returns mean and standard deviation, noise included, (m,) each, for (m, f)."""
        linear, smooth, noise = np.exp(2 * self.hyperparameters[:3])
        across = _covariance(x, self.x, self.groups, self.hyperparameters, _product)
        own = linear * (x**2 / _group_sizes(self.groups)).sum(axis=1) + smooth
        explained = (_product(across, self.inverse) * across).sum(axis=1)
        variance = np.maximum(own - explained, 0) + noise
        return _product(across, self.weights[:, None])[:, 0], np.sqrt(variance)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Returns all that it is made of."""
        return {name: getattr(self, name) for name in self.__slots__}


def fit_gaussian_process(
    x: Floats, y: Floats, groups: NDArray[np.int64], seed: int = 0, starts: int = 3
) -> GaussianProcess:
    """Fits the hyperparameters by the marginal likelihood, from several starts.

    Args:
        x: (n, f) standardised.
        y: (n,) standardised.
        groups: (f,) group number of each feature, from 0.
        seed: Of the starts.
        starts: How many.
    """
    from scipy.optimize import minimize

    n_groups = int(groups.max()) + 1
    limits = [_LIMITS[name] for name in ("linear", "smooth", "noise")]
    limits += [_LIMITS["length"]] * n_groups
    low, high = np.array(limits).T
    rng = np.random.default_rng(seed)
    first = np.concatenate([[-1.0, -0.5, -1.0], np.full(n_groups, 1.0)])
    begins = [first, *rng.uniform(low, high, (starts - 1, len(low)))]
    runs = [
        minimize(_loss, begin, args=(x, y, groups), method="L-BFGS-B", bounds=limits)
        for begin in begins
    ]
    best = min(runs, key=lambda run: float(run.fun)).x
    inverse: Floats = np.linalg.inv(_noisy(x, groups, best)).astype(np.float64)
    return GaussianProcess(groups, best, x, inverse @ y, inverse)


def _loss(hyperparameters: Floats, x: Floats, y: Floats, groups: NDArray[np.int64]) -> float:
    """Negative logarithm of the marginal likelihood, without its constant."""
    from scipy.linalg import cho_factor, cho_solve  # slow to import, and for fits alone

    factor = cho_factor(_noisy(x, groups, hyperparameters), lower=True)
    log_determinant = 2 * np.log(np.diag(factor[0])).sum()
    return float(y @ cho_solve(factor, y) + log_determinant) / 2


def _noisy(x: Floats, groups: NDArray[np.int64], hyperparameters: Floats) -> Floats:
    covariance = _covariance(x, x, groups, hyperparameters)
    covariance[np.diag_indices(len(x))] += np.exp(2 * hyperparameters[2]) + 1e-8
    return covariance


def _covariance(
    a: Floats,
    b: Floats,
    groups: NDArray[np.int64],
    hyperparameters: Floats,
    product: Callable[[Floats, Floats], Floats] = np.matmul,
) -> Floats:
    linear, smooth = np.exp(2 * hyperparameters[:2])
    size = _group_sizes(groups)
    scale = np.exp(-hyperparameters[3:])[groups] / np.sqrt(size)
    scaled_a, scaled_b = a * scale, b * scale
    lengths = (scaled_a**2).sum(axis=1)[:, None] + (scaled_b**2).sum(axis=1)
    squared = lengths - 2 * product(scaled_a, scaled_b.T)
    covariance: Floats = linear * product(a / size, b.T)
    covariance += smooth * np.exp(-np.maximum(squared, 0) / 2)
    return covariance


def _product(a: Floats, b: Floats) -> Floats:
    """Returns a @ b, each row computed by itself.

    BLAS rounds a row otherwise in a matrix of another height: a network's score would depend on
    those that are scored with it, and a search that resumes would end elsewhere.
    """
    rows: Floats = np.matmul(a[:, None, :], np.ascontiguousarray(b))[:, 0]
    return rows


def _group_sizes(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns (f,) the size of each feature's group."""
    sizes: NDArray[np.int64] = np.bincount(groups)[groups]
    return sizes
