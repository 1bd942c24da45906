"""What a problem's columns are made of: tables over layers, values of a small space, a surrogate.

A column maps canonical genotypes (n, n_genes) to (n,).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.scoring.surrogate import Surrogate
from evonas.space import Genotypes, SearchSpace
from evonas.space.costs import COSTS
from evonas.space.memory import MEMORY

Column = Callable[[Genotypes], Floats]

# A space of up to so many genotypes is tabulated when its problem is loaded.
SMALL = 100_000


def cell_sum(space: SearchSpace, table: Floats) -> Column:
    """Returns the column that is a sum over the layers."""
    return partial(space.sum_cells, table=table)


def stored(space: SearchSpace, values: Floats) -> Column:
    """Returns the column of a small space whose values are known, in the order of `every`."""
    return lambda genotypes: values[place(space, genotypes)]


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """A column that a surrogate predicts."""

    surrogate: Surrogate

    def __call__(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) means."""
        return self.surrogate.predict(genotypes)[0]

    def deviations(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) standard deviations of one training around the mean."""
        return self.surrogate.predict(genotypes)[1]


def cost_column(space: SearchSpace, name: str) -> Column | None:
    """Returns a column that follows from the space alone; None for any other."""
    if name in MEMORY:
        return partial(MEMORY[name], space)
    if name in COSTS:
        return partial(_cost, space, name)
    return None


def _cost(space: SearchSpace, name: str, genotypes: Genotypes) -> Floats:
    return space.sum_cells(genotypes, space.cost_tables[name])


def every(space: SearchSpace) -> Genotypes:
    """Returns all combinations of genes of a small space, (n, n_genes), in order."""
    assert is_small(space), space.name
    return np.array(list(product(*map(range, space.gene_sizes))), np.uint8)


def is_small(space: SearchSpace) -> bool:
    """Returns whether all combinations of its genes can be held."""
    return float(space.gene_sizes.astype(np.float64).prod()) <= SMALL


def place(space: SearchSpace, genotypes: Genotypes) -> NDArray[np.intp]:
    """Returns (n,) the rows of genotypes in `every`."""
    rows: NDArray[np.intp] = np.ravel_multi_index(tuple(genotypes.T), tuple(space.gene_sizes))
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class Tabulated:
    """Columns of every genotype of a small space: evaluating is one gather.

    Attributes:
        space: The space.
        values: (n, n_columns) in the order of `every`; a genotype that is not canonical has the
            values of the one that is.
    """

    space: SearchSpace
    values: Floats

    def __call__(self, genotypes: Genotypes) -> Floats:
        """Returns (n, n_columns)."""
        return self.values[place(self.space, genotypes)]
