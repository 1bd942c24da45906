"""How hard a small space is: additivity, local optima, share on a front; noise taken out."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.objectives import Objective, pareto_mask
from evonas.space import Genotypes, SearchSpace
from evonas.table.index import GenotypeIndex

Ints = NDArray[np.int64]

# Two values of one training each differ by chance by less than this many deviations between
# seeds, in 95 of 100 cases.
NOISE_OF_A_DIFFERENCE = 1.96 * 2**0.5


@dataclass(frozen=True, slots=True)
class Explained:
    """How much of the variance between networks a linear model explains.

    Attributes:
        n: Number of networks.
        parameters: Number of independent parameters of the model.
        share: Share of the variance; adjusted for the parameters, with the noise of the seeds
            taken out of both sides; at most 1.
        residual_std: Standard deviation of what is left, noise taken out; at least 0.
    """

    n: int
    parameters: int
    share: float
    residual_std: float


def effects(genotypes: Genotypes, order: int = 1) -> Floats:
    """Returns (n, k) a column of ones, and one for each choice of a gene but its first.

    With order 2, products of the columns of each two genes too. A choice that no network makes has
    no column.
    """
    one_hot = [
        np.stack([genes == choice for choice in np.unique(genes)[1:]], axis=1).astype(float)
        for genes in genotypes.T
        if len(np.unique(genes)) > 1
    ]
    columns = [np.ones((len(genotypes), 1)), *one_hot]
    if order == 2:
        columns += [
            (a[:, :, None] * b[:, None]).reshape(len(genotypes), -1)
            for a, b in combinations(one_hot, 2)
        ]
    return np.concatenate(columns, axis=1)


def explained(genotypes: Genotypes, runs: Floats, order: int = 1) -> Explained:
    """Returns what main effects, or with order 2 main effects and pairs, explain.

    Args:
        genotypes: (n, n_genes).
        runs: (n, n_seeds) a value of each seed, NaN where there is none; one or more a row.
        order: 1 or 2.

    Raises:
        DataError: Fewer than two networks more than the model has parameters.
    """
    columns = effects(genotypes, order)
    values = np.nanmean(runs, axis=1)
    n, rank = len(values), int(np.linalg.matrix_rank(columns))
    if n < rank + 2:
        raise DataError(f"{n} networks for {rank} effects: at least {rank + 2} are required")
    fitted = columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    noise = _noise_variance(runs) * float((1 / (~np.isnan(runs)).sum(axis=1)).mean())
    left = max(float(((values - fitted) ** 2).sum()) / (n - rank) - noise, 0.0)
    total = float(values.var(ddof=1)) - noise
    share = 1 - left / total if total > 0 else float("nan")
    return Explained(n, rank, share, left**0.5)


def _noise_variance(runs: Floats) -> float:
    """Variance between seeds of one network, pooled; 0 if no network has two."""
    freedom = (~np.isnan(runs)).sum(axis=1) - 1
    if not freedom.sum():
        return 0.0
    residuals = runs - np.nanmean(runs, axis=1, keepdims=True)
    return float(np.nansum(residuals**2) / freedom.sum())


def neighbour_rows(space: SearchSpace, genotypes: Genotypes) -> list[Ints]:
    """Returns for each of (n, n_genes) distinct networks the rows of its neighbours by one gene.

    Changes lead to networks of the matrix only.
    """
    index, n = GenotypeIndex(genotypes), len(genotypes)
    found = np.empty((int(space.gene_sizes.sum()), n), np.int64)
    changes = (
        (gene, value) for gene in range(space.n_genes) for value in range(space.gene_sizes[gene])
    )
    for number, (gene, value) in enumerate(changes):
        changed = genotypes.copy()
        changed[:, gene] = value
        found[number] = index.find(space.canonical(changed))
    return [np.unique(rows[(rows >= 0) & (rows != own)]) for own, rows in enumerate(found.T)]


def local_optima(
    space: SearchSpace, genotypes: Genotypes, values: Floats, near: list[Ints] | None = None
) -> tuple[Ints, Floats]:
    """Returns the rows of the local optima, best first, and how far each stands out.

    That is the prominence: how far one must climb down to reach a better network by changes of one
    gene; for the best one, to the worst of all.

    Args:
        space: The genotypes' space.
        genotypes: (n, n_genes) canonical and distinct; changes lead to these only.
        values: (n,) to be maximised; equal ones rank in this order.
        near: `neighbour_rows` of them, where these are known already.

    Returns:
        Rows and prominences, (n_optima,) each.
    """
    near = neighbour_rows(space, genotypes) if near is None else near
    peak: dict[int, int] = {}  # of the network, or one closer to the best of what it is linked to
    prominence: dict[int, float] = {}

    def top(row: int) -> int:
        while peak[row] != row:
            row = peak[row]
        return row

    for row in np.argsort(-values, kind="stable").tolist():
        tops = {top(other) for other in near[row].tolist() if other in peak}
        best = min(tops, key=lambda t: (-values[t], t), default=row)
        peak[row] = best
        if best == row:
            prominence[row] = float(values[row] - values.min())
        for other in tops - {best}:
            peak[other] = best
            prominence[other] = float(values[other] - values[row])
    rows = np.array(list(prominence), np.int64)
    return rows, np.array([prominence[row] for row in rows.tolist()])


def front_share(values: Floats, cost: Floats) -> float:
    """Returns the share of networks on the front of (n,) values, maximised, and costs."""
    objectives = [Objective("value", "", True), Objective("cost", "", False)]
    return float(pareto_mask(np.stack([values, cost], axis=1), objectives).mean())
