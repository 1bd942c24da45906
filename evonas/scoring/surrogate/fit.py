"""Fitting a surrogate: the kind of model is chosen by cross-validation."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.scoring.surrogate.features import feature_names
from evonas.scoring.surrogate.forest import Forest, fit_boosted, fit_forest
from evonas.scoring.surrogate.gaussian_process import GaussianProcess, fit_gaussian_process
from evonas.scoring.surrogate.model import MODELS, Surrogate, features
from evonas.space import Genotypes, SearchSpace

FOLDS, REPEATS = 5, 2
# Fewer trained networks than this say nothing in five folds.
LEAST = 20
_COVERAGE = 0.95
_BEST = 0.25


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Errors on networks that the model had not seen.

    Attributes:
        n: Number of networks.
        tau: Kendall's tau, the mean over repetitions.
        tau_best_quarter: The same within the quarter of the highest AP, where searches end.
        r2: Coefficient of determination.
        rmse: Root of the mean squared error, AP.
        coverage: Share of the networks within their 95 % interval.
    """

    n: int
    tau: float
    tau_best_quarter: float
    r2: float
    rmse: float
    coverage: float


def fit_surrogate(
    space: SearchSpace,
    genotypes: Genotypes,
    ap: Floats,
    supernet: Floats | None = None,
    card: dict[str, Any] | None = None,
    seed: int = 0,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    kinds: Sequence[str] = tuple(MODELS),
) -> Surrogate:
    """Fits the kind of model that cross-validation finds best, on all networks.

    Where a single kind is named there is nothing to choose, and no cross-validation.

    Args:
        space: The genotypes' space.
        genotypes: (n, n_genes), n at least 20.
        ap: (n,) trained AP.
        supernet: (n,) AP by the supernet; it becomes a feature.
        card: What to keep beside the errors.
        seed: Of folds, starts and trees.
        folds: Parts of the networks, of which each is held out once.
        repeats: How often they are parted anew.
        kinds: Kinds of model to choose from.

    Raises:
        DataError: Too few networks.
    """
    best, card = kinds[0], dict(card or {})
    if len(kinds) > 1:
        errors = {
            kind: cross_validate(kind, space, genotypes, ap, supernet, folds, repeats, seed)
            for kind in kinds
        }
        best = min(errors, key=lambda kind: errors[kind].rmse)
        card["cross_validation"] = {kind: asdict(figures) for kind, figures in errors.items()}
    x = features(space, genotypes, supernet)
    model, centre, scale = _fit(best, space, x, ap, seed)
    return Surrogate(space, best, model, centre, scale, supernet is not None, card)


def cross_validate(
    kind: str,
    space: SearchSpace,
    genotypes: Genotypes,
    ap: Floats,
    supernet: Floats | None = None,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    seed: int = 0,
) -> CrossValidation:
    """Returns the errors of a kind of model over repeated folds; see `fit_surrogate`."""
    from scipy.stats import kendalltau, norm  # half a second, which predictions do without

    n = len(genotypes)
    if n < LEAST:
        raise DataError(f"{n} trained architectures; a surrogate needs at least {LEAST}")
    x = features(space, genotypes, supernet)
    rng = np.random.default_rng(seed)
    means, stds = np.empty((2, repeats, n))
    for repeat in range(repeats):
        for held in np.array_split(rng.permutation(n), folds):
            seen = np.setdiff1d(np.arange(n), held)
            model, centre, scale = _fit(kind, space, x[seen], ap[seen], seed)
            mean, std = model.predict((x[held] - centre[:-1]) / scale[:-1])
            means[repeat, held] = mean * scale[-1] + centre[-1]
            stds[repeat, held] = std * scale[-1]
    squared = (means - ap) ** 2
    within = abs(means - ap) <= norm.ppf((1 + _COVERAGE) / 2) * stds
    best = ap >= np.quantile(ap, 1 - _BEST)
    return CrossValidation(
        n=n,
        tau=float(np.mean([kendalltau(ap, mean)[0] for mean in means])),
        tau_best_quarter=float(np.mean([kendalltau(ap[best], mean[best])[0] for mean in means])),
        r2=float(1 - squared.mean() / ap.var()),
        rmse=float(np.sqrt(squared.mean())),
        coverage=float(within.mean()),
    )


def _fit(
    kind: str, space: SearchSpace, x: Floats, ap: Floats, seed: int
) -> tuple[GaussianProcess | Forest, Floats, Floats]:
    """Returns a model of standardised features and values, their means and deviations."""
    both = np.column_stack([x, ap])
    centre, scale = both.mean(axis=0), both.std(axis=0)
    scale[scale == 0] = 1.0
    standard = (both - centre) / scale
    if kind != "gaussian-process":
        grow = {"forest": fit_forest, "boosted": fit_boosted}[kind]
        return grow(standard[:, :-1], standard[:, -1], seed), centre, scale
    groups = feature_groups(space, x.shape[1])
    return fit_gaussian_process(standard[:, :-1], standard[:, -1], groups, seed), centre, scale


def feature_groups(space: SearchSpace, n_features: int) -> NDArray[np.int64]:
    """Returns (f,) group numbers: widths and depths, ops, costs, the supernet's score."""
    shapes, costs = ("width", "depth"), ("madds", "params")
    groups = [
        0 if name.endswith(shapes) else 2 if name in costs else 1 for name in feature_names(space)
    ]
    return np.array(groups + [3] * (n_features - len(groups)))
