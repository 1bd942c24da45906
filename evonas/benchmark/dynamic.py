"""Exact fronts of spaces of any size, where every objective is a sum or a maximum over layers.

A block's layers depend on what came before through one width only. So of all beginnings that end
in the same width, only the non-dominated ones can be part of a front: sums and maxima are monotone
in each of their terms (rounded sums of floating-point numbers too). The fronts of beginnings are
carried from block to block, one for each width.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import ConfigurationError
from evonas.space import Genotypes, SearchSpace
from evonas.space.walk import LayerSlot

Combine = Callable[[Floats, Floats], Floats]

# More beginnings than this at one place would not fit into a common memory.
_MOST = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class LayerObjective:
    """A minimised quantity of a network that its layers make up.

    Attributes:
        table: (n_cells,) what each cell contributes, 0 where the layer is skipped.
        largest: The largest contribution counts, not their sum.
    """

    table: Floats
    largest: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Beginnings:
    """Networks up to some layer: (n, m) values and (n, n_slots) choices, 0 after that layer."""

    values: Floats
    choices: NDArray[np.uint8]


def exact_front(
    space: SearchSpace, objectives: Sequence[LayerObjective], most: int = _MOST
) -> tuple[Floats, Genotypes]:
    """Returns the whole front: (k, m) minimised values, by the first one, and (k, n_genes).

    Of networks with equal values one is returned.

    Args:
        space: The space.
        objectives: m of them.
        most: Bound on the beginnings that are held at once.

    Raises:
        ConfigurationError: The front is too large to be computed exactly.
    """
    walk = _Walk(space, objectives, most)
    ends = [walk.stem(choice) for choice in range(len(space.stems))]
    for number in range(1, len(space.blocks) + 1):
        ends = walk.block(number, ends)
    front = walk.best(ends)
    order = np.lexsort(front.values.T[::-1])
    genes = [column for column, slot in enumerate(space.slots) if len(slot.choices) > 1]
    return front.values[order], space.canonical(front.choices[order][:, genes])


class _Walk:
    def __init__(self, space: SearchSpace, objectives: Sequence[LayerObjective], most: int) -> None:
        self.space, self.most = space, most
        self.table = np.stack([objective.table for objective in objectives], axis=1)
        self.largest = np.array([objective.largest for objective in objectives])

    def stem(self, choice: int) -> _Beginnings:
        """The beginning that is a stem of that width, which costs nothing by itself."""
        choices = np.zeros((1, len(self.space.slots)), np.uint8)
        choices[0, 0] = choice
        return _Beginnings(np.zeros((1, self.table.shape[1])), choices)

    def block(self, number: int, ends: Sequence[_Beginnings]) -> list[_Beginnings]:
        """Returns the beginnings after a block for each of its widths, given those before it."""
        first, *further = (s for s in self.space.layer_slots if s.block == number)
        after = []
        for width in range(first.shape[1]):
            deepest = self.best(self.with_layer(end, first, i, width) for i, end in enumerate(ends))
            depths = [deepest]
            for slot in further:
                deepest = self.best([self.with_layer(deepest, slot, 0, width, skip=True)])
                depths.append(deepest)
            after.append(self.best(depths))
        return after

    def with_layer(
        self, before: _Beginnings, slot: LayerSlot, i: int, width: int, skip: bool = False
    ) -> _Beginnings:
        """Returns every beginning followed by every op of a layer, the skipped one left out."""
        ops = np.arange(int(skip), slot.shape[2])
        cells = slot.first_cell + (i * slot.shape[1] + width) * slot.shape[2] + ops
        canonical = self.space.canonical_cells[cells]
        ops, cells = ops[canonical], cells[canonical]
        n = len(before.values)
        if n * len(ops) > self.most:
            raise ConfigurationError(
                f"the exact front of {self.space.name} passes {n * len(ops):,} beginnings at "
                f"b{slot.block}.l{slot.layer}; {self.most:,} are the most"
            )
        given, added = before.values[:, None], self.table[cells]
        values = np.where(self.largest, np.maximum(given, added), given + added)
        choices = np.repeat(before.choices, len(ops), axis=0)
        choices[:, slot.op] = np.tile(ops, n)
        choices[:, slot.width_out] = width
        return self.best([_Beginnings(values.reshape(-1, values.shape[2]), choices)])

    def best(self, parts: Iterable[_Beginnings]) -> _Beginnings:
        """Returns the non-dominated of all parts."""
        import moocore

        given = list(parts)
        values = np.concatenate([part.values for part in given])
        choices = np.concatenate([part.choices for part in given])
        kept = moocore.is_nondominated(values)
        return _Beginnings(values[kept], choices[kept])
