"""A Gaussian process on architectures, quick enough to be fitted anew at every step of a search."""

from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from evonas.arrays import Floats
from evonas.search.algorithms.features import embed, genes_and_pairs, one_hot
from evonas.space import Genotypes, SearchSpace

# Candidates for the covariance, the simplest first: the squared length scale (in mean gene weights)
# of what is smooth in all genes, the share of a sum over genes and pairs of genes beside it, the
# share of pairs in that. The first ones are sums alone, which have no length scale.
_SCALES = (300.0, 100.0, 30.0, 10.0, 3.0)
_KERNELS = [
    *((1.0, 1.0, pairs) for pairs in (0.0, 0.1, 0.5)),
    *((scale, *sums) for scale in _SCALES for sums in ((0.0, 0.0), (0.5, 0.5), (0.9, 0.5))),
]
# And for the share of noise.
_NOISES = (1e-6, 1e-4, 1e-2, 1e-1, 3e-1)
# From this share on values are taken for noisy.
_NOISY = 0.05
_LEAST_WEIGHT = 0.05
_RIDGE = 1e-2


# Of a covariance's eigenvalues (n,) and eigenvectors (n, n), a share of noise and standardised
# values (n,): terms whose mean is a loss.
Criterion = Callable[[Floats, Floats, float, Floats], Floats]


def leave_one_out_errors(values: Floats, vectors: Floats, noise: float, y: Floats) -> Floats:
    """Returns (n,) squared errors of values left out, exact: it makes means right."""
    inverse = 1 / (values + noise)
    errors: Floats = ((vectors @ (vectors.T @ y * inverse)) / (vectors**2 @ inverse)) ** 2
    return errors


def unlikelihood(values: Floats, vectors: Floats, noise: float, y: Floats) -> Floats:
    """Returns (1,) the negative log marginal likelihood, variance integrated out, up to constants.

    It makes deviations right beside means.
    """
    total = values + noise
    mean = ((vectors.T @ y) ** 2 / total).mean()
    return np.array([len(y) * np.log(mean + 1e-300) + np.log(total).sum()])


class ArchitectureModel:
    """One process per column of values, of genotypes whose ops are compared by what they do.

    Args:
        space: The space.
        genotypes: (n, n_genes) what is known.
        values: (n, m).
        shape: Of a fit before, to save choosing it again.
        criterion: What the shape is chosen by.

    Attributes:
        shape: (m, 4) squared length scale, share of the sum, share of pairs in it, and noise.
    """

    def __init__(
        self,
        space: SearchSpace,
        genotypes: Genotypes,
        values: Floats,
        shape: Floats | None = None,
        criterion: Criterion = leave_one_out_errors,
    ) -> None:
        self._space = space
        self._ones = one_hot(space, genotypes)
        x, equal = embed(space, genotypes), self._equal(self._ones)
        self._centre, self._spread = values.mean(axis=0), values.std(axis=0)
        self._spread[self._spread == 0] = 1.0
        standard = (values - self._centre) / self._spread
        columns = range(values.shape[1])
        self._weights = [_gene_weights(space, x, standard[:, column]) for column in columns]
        self._x = [x * weights for weights in self._weights]
        squared = [_squared(known, known) for known in self._x]
        self.shape = (
            np.array([_best_shape(squared[c], equal, standard[:, c], criterion) for c in columns])
            if shape is None
            else shape
        )
        self._factors = [
            cho_factor(_kernel(squared[c], equal, self.shape[c]) + self.shape[c, -1] * eye)
            for c, eye in ((c, np.eye(len(x))) for c in columns)
        ]
        self._duals = [cho_solve(self._factors[c], standard[:, c]) for c in columns]

    def predict(self, genotypes: Genotypes) -> Floats:
        """Returns means (k, m)."""
        return self._means(self._across(genotypes))

    def hoped(self, genotypes: Genotypes) -> Floats:
        """Returns means (k, m), a standard deviation better in columns that are seen with noise.

        There a search that trusts the means stays where it was lucky.
        """
        across = self._across(genotypes)
        hoped = self._means(across)
        for column in np.flatnonzero(self.shape[:, -1] >= _NOISY).tolist():
            hoped[:, column] -= self._deviation(column, across[column])
        return hoped

    def deviations(self, genotypes: Genotypes) -> Floats:
        """Returns standard deviations (k, m)."""
        found = [self._deviation(c, kernel) for c, kernel in enumerate(self._across(genotypes))]
        return np.column_stack(found)

    def _means(self, across: list[Floats]) -> Floats:
        standard = np.column_stack([k @ dual for k, dual in zip(across, self._duals, strict=True)])
        means: Floats = standard * self._spread + self._centre
        return means

    def _deviation(self, column: int, across: Floats) -> Floats:
        explained = (across * cho_solve(self._factors[column], across.T).T).sum(axis=1)
        deviation: Floats = np.sqrt(np.maximum(1 - explained, 0)) * self._spread[column]
        return deviation

    def _across(self, genotypes: Genotypes) -> list[Floats]:
        """Returns each column's covariances (k, n) of genotypes and what is known."""
        x, equal = embed(self._space, genotypes), self._equal(one_hot(self._space, genotypes))
        return [
            _kernel(_squared(x * weights, known), equal, shape)
            for weights, known, shape in zip(self._weights, self._x, self.shape, strict=True)
        ]

    def _equal(self, ones: Floats) -> Floats:
        """Returns the share of genes in which (k, d) and what is known are equal, (k, n)."""
        equal: Floats = ones @ self._ones.T / self._space.n_genes
        return equal


def _gene_weights(space: SearchSpace, x: Floats, y: Floats) -> Floats:
    """Returns (d,) weights of the features: more for genes that explain more of y linearly."""
    centred = x - x.mean(axis=0)
    gram = centred.T @ centred + _RIDGE * len(x) * np.eye(x.shape[1])
    slopes = np.linalg.solve(gram, centred.T @ y)
    effects = (centred * slopes).reshape(len(x), space.n_genes, -1).sum(axis=2).std(axis=0)
    weights = np.maximum(effects / max(effects.mean(), 1e-12), _LEAST_WEIGHT)
    repeated: Floats = np.repeat(np.sqrt(weights), x.shape[1] // space.n_genes)
    return repeated


def _squared(a: Floats, b: Floats) -> Floats:
    """Returns squared distances (k, n) of rows."""
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    distances: Floats = np.maximum(squared, 0)
    return distances


def _kernel(squared: Floats, equal: Floats, shape: Floats) -> Floats:
    """Returns the covariance by squared distance and share of equal genes; 1 of a row with itself.

    Args:
        squared: (k, n).
        equal: (k, n).
        shape: A row of `ArchitectureModel.shape`.
    """
    scale, share, pairs = shape[:3]
    kernel: Floats = (1 - share) * np.exp(-squared / scale)
    kernel += share * genes_and_pairs(equal, pairs)
    return kernel


def _best_shape(
    squared: Floats, equal: Floats, y: Floats, criterion: Criterion
) -> tuple[float, ...]:
    """Returns the simplest covariance, with its noise, of no more than a standard error's loss.

    That is Breiman's rule (1984): where values are few or noisy, the least loss is one by luck.
    """
    found = []
    for kernel in _KERNELS:
        values, vectors = eigh(_kernel(squared, equal, np.array(kernel)))
        terms = [criterion(np.maximum(values, 0), vectors, noise, y) for noise in _NOISES]
        chosen = int(np.argmin([losses.mean() for losses in terms]))
        found.append((terms[chosen], (*kernel, _NOISES[chosen])))
    least, _ = min(found, key=lambda candidate: candidate[0].mean())
    allowed = least.mean() + least.std() / np.sqrt(len(least))
    return next(shape for losses, shape in found if losses.mean() <= allowed)
