"""What a table says about the parts of architectures: neighbours, and statistics by choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.limits import check_whole
from evonas.space import Genotypes, Op, SearchSpace, load_space
from evonas.table.table import BenchmarkTable


def neighbours(
    table: BenchmarkTable,
    architecture: Genotypes | str,
    distance: int = 1,
    space: SearchSpace | str | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Returns the rows whose genotypes differ in few genes, nearest first, and in how many.

    Args:
        table: The table.
        architecture: A canonical genotype (n_genes,), or an `arch_id`; it need not be in the
            table, and is no neighbour of its own.
        distance: The most genes that may differ.
        space: Space of the rows; that of the `arch_id` if one is given.

    Raises:
        ConfigurationError: The distance is below 1.
        GenotypeError: It is no genotype, and no `arch_id` of a space.
    """
    check_whole("distance", distance, 1)
    if isinstance(architecture, str):
        space = load_space(architecture.partition(":")[0])
        [genotype] = space.genotypes([architecture])
    else:
        row: Any = [architecture]
        [genotype] = load_space(table.only_space(space)).check(row)
    differing = np.zeros(table.count(space), np.int64)
    for gene, value in zip(table.genotypes(space).T, genotype, strict=True):
        differing += gene != value
    rows = np.flatnonzero((differing > 0) & (differing <= distance))
    rows = rows[np.argsort(differing[rows], kind="stable")]
    return rows, differing[rows]


@dataclass(frozen=True, slots=True)
class ChoiceStatistics:
    """The values of a column over the rows that make one choice at one place.

    Attributes:
        gene: Name of the gene, `b2.l1.op`.
        choice: What is chosen: a width, an op's name, or `skip`.
        n: Number of rows with a value.
        mean: Their mean; NaN if there are none, as all that follow.
        std: Their standard deviation.
        low: The smallest.
        high: The largest.
    """

    gene: str
    choice: str
    n: int
    mean: float
    std: float
    low: float
    high: float


def choice_statistics(
    table: BenchmarkTable,
    column: str,
    where: str | None = None,
    space: SearchSpace | str | None = None,
) -> list[ChoiceStatistics]:
    """Returns the statistics of a column for every choice of every gene, in their order.

    Raises:
        ConfigurationError: An unknown column or a bad condition.
    """
    home = load_space(table.only_space(space))
    rows = table.where(where, home)
    values = table.column(column, home)[rows]
    known = ~np.isnan(values)
    values, genotypes = values[known], table.genotypes(home)[rows[known]]
    found = []
    for gene, slot in enumerate(home.genes):
        for number, choice in enumerate(slot.choices):
            chosen = values[genotypes[:, gene] == number]
            found.append(
                ChoiceStatistics(slot.name, _shown(choice), len(chosen), *_summary(chosen))
            )
    return found


def _shown(choice: int | Op | None) -> str:
    return choice.name if isinstance(choice, Op) else "skip" if choice is None else str(choice)


def _summary(values: NDArray[np.float64]) -> Sequence[float]:
    if not len(values):
        return [np.nan] * 4
    return [float(f) for f in (values.mean(), values.std(), values.min(), values.max())]
