"""Whether a space tells architectures apart: spread between them, noise, and single genes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.ranking.truth import Truth
from evonas.space import Genotypes, SearchSpace


@dataclass(frozen=True, slots=True)
class Discrimination:
    """How far trained AP tells architectures apart.

    Attributes:
        std: Standard deviation of AP between architectures, of one training each.
        std_middle: The same within the middle third by multiply-adds.
        seed_std: Standard deviation between trainings of one architecture, pooled.
        n_repeated: Architectures with more than one training.
        ratio: `std` over `seed_std`.
        ratio_middle: `std_middle` over `seed_std`.
    """

    std: float
    std_middle: float
    seed_std: float
    n_repeated: int
    ratio: float
    ratio_middle: float


def discrimination(truth: Truth) -> Discrimination:
    """Compares the spread between architectures with that between trainings of one."""
    # One training each: a mean over seeds would have less noise in it than the others.
    first = np.take_along_axis(truth.runs, np.isnan(truth.runs).argmin(axis=1)[:, None], 1)[:, 0]
    std = _std(first)
    middle = _std(first[truth.cost_terciles() == 1])
    noise = truth.seed_std
    return Discrimination(
        std=std,
        std_middle=middle,
        seed_std=noise,
        n_repeated=int((truth.n_runs > 1).sum()),
        ratio=std / noise if noise else float("inf"),
        ratio_middle=middle / noise if noise else float("inf"),
    )


def explained_by_gene(space: SearchSpace, genotypes: Genotypes, values: Floats) -> dict[str, float]:
    """Returns, by gene, the share of the values' variance that it explains by itself.

    The means of the values by the gene's choice, as in a one-way analysis of variance, adjusted
    for the number of choices (epsilon squared), so that a gene without effect has 0 on average;
    NaN where each network has a choice of its own.

    Args:
        space: The genotypes' space.
        genotypes: (n, n_genes).
        values: (n,).
    """
    return {
        name: _explained(genotypes[:, column], values)
        for column, name in enumerate(space.gene_names)
    }


def _explained(groups: NDArray[np.uint8], values: Floats) -> float:
    _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
    n, k = len(values), len(counts)
    total = ((values - values.mean()) ** 2).sum()
    if k == n or not total:
        return float("nan")
    means = np.bincount(group, values) / counts
    within = ((values - means[group]) ** 2).sum()
    return float(1 - within / total * (n - 1) / (n - k))


def _std(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")
