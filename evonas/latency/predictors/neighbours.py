"""A layer's time by what stands around it: a table over the layers, corrected by small trees.

A compiler keeps a map on chip or not by what comes next, so the time of a layer depends on the
layers before and behind it. Trees over the features of these say by what factor the time of the
table is to be multiplied, in the places where that matters; of the first two blocks factors are
remembered, where they are known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.latency.predictors.models import Arrays, LinearModel
from evonas.latency.predictors.pairs import Pairs, has_pairs, pair_keys, read_pairs
from evonas.latency.predictors.small_trees import SmallTrees, read_small_trees
from evonas.space import Genotypes, SearchSpace

# Which layers the trees are told of, by how many places on; the layer itself stands first.
OFFSETS = (0, 1, -1, 2)

# Of the features, that which says whether a layer is its block's first; -1 for no layer.
FIRST = 8

NAMES = (
    *("features", "asked", "bounds", "kept", "leaves", "constant"),
    *("kinds", "places", "table", "pair_keys", "pair_factors"),
)

_LEAST_FACTOR = 0.05
# Where the second block is one layer, the third one has a say as well, which trees see and pairs do
# not: what is remembered is believed only if the trees are not further off than by this factor.
_APART = 1.5
_CHUNK = 1 << 17


@dataclass(frozen=True, eq=False)
class NeighbourModel:
    """Milliseconds of a table's layers, some of them times a factor that trees give.

    Attributes:
        space: The space.
        base: The additive model that is corrected.
        kinds: (n_cells,) number of a cell's layer among those that the trees know; -1 for a
            skipped one.
        places: Indices into the space's layer slots of the layers that are corrected.
        forest: The trees: layers and those around, by `OFFSETS` -> factor. The last of its codes
            means that there is no such layer.
        pairs: What is known of the first two blocks.
    """

    space: SearchSpace
    base: LinearModel
    kinds: NDArray[np.int16]
    places: tuple[int, ...]
    forest: SmallTrees
    pairs: Pairs
    kind: str = "neighbours"

    def predict(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) milliseconds."""
        total = np.empty(len(genotypes))
        for start in range(0, len(genotypes), _CHUNK):
            part = slice(start, start + _CHUNK)
            total[part] = self.by_layer(genotypes[part]).sum(axis=1)
        return total

    def by_layer(self, genotypes: Genotypes) -> Floats:
        """Returns (n, n_layers) milliseconds."""
        cells = self.space.cells(genotypes)
        times = self.base.table[cells]
        codes = around(self.kinds[cells], len(self.forest.features) - 1)
        goes_on = self._goes_on(codes)
        known = self._remembered(codes, goes_on)
        for place in self.places:
            factor = self.forest.predict([codes[offset][place] for offset in OFFSETS])
            factor = np.maximum(factor, _LEAST_FACTOR)
            if place == 0:
                apart = np.abs(np.log(known[:, 0] / factor)) > np.log(_APART)
                known[apart & ~goes_on] = np.nan
            if place < 2:
                factor = np.where(np.isnan(known[:, place]), factor, known[:, place])
            times[:, place] *= factor
        return times

    def unsure(self, genotypes: Genotypes) -> NDArray[np.bool_]:
        """Marks (n,) networks of whose first two blocks nothing is remembered that holds."""
        if not len(self.pairs.keys):
            return np.zeros(len(genotypes), bool)
        codes = around(self.kinds[self.space.cells(genotypes)], len(self.forest.features) - 1)
        goes_on = self._goes_on(codes)
        unknown: NDArray[np.bool_] = np.isnan(self._remembered(codes, goes_on)[:, 0])
        return unknown | ~goes_on

    def _goes_on(self, codes: Mapping[int, NDArray[np.int16]]) -> NDArray[np.bool_]:
        """Whether (n,) the second block has more than its first layer."""
        goes_on: NDArray[np.bool_] = self.forest.features[codes[2][0], FIRST] == 0
        return goes_on

    def _remembered(
        self, codes: Mapping[int, NDArray[np.int16]], goes_on: NDArray[np.bool_]
    ) -> Floats:
        """Returns (n, 2) factors of the first two blocks' first layers, NaN for unknown ones."""
        if not has_pairs(self.space):
            return np.full((len(goes_on), 2), np.nan)
        return self.pairs.find(
            pair_keys(codes[0][0], codes[1][0], goes_on, len(self.forest.features))
        )

    def arrays(self) -> Arrays:
        """Returns the table, the trees and what they are asked about."""
        return {
            **self.base.arrays(),
            **self.forest.arrays(),
            **self.pairs.arrays(),
            "kinds": self.kinds,
            "places": np.array(self.places, np.int16),
        }


def around(kinds: NDArray[np.int16], none: int) -> dict[int, NDArray[np.int16]]:
    """Returns what stands around every layer.

    Args:
        kinds: (n, n_layers) numbers of layers, -1 for skipped ones.
        none: What stands for no layer.

    Returns:
        By offset, (n_layers, n) the number of the layer so many places on, skipped ones not
        counted.
    """
    columns = np.ascontiguousarray(kinds.T)
    there = columns >= 0
    found = {0: np.where(there, columns, np.int16(none))}
    for step in (1, -1):
        order = range(len(columns))[::-step]
        nothing = np.full(columns.shape[1], none, np.int16)
        last = [nothing, nothing]
        once, twice = np.empty_like(columns), np.empty_like(columns)
        for place in order:
            once[place], twice[place] = last
            here = there[place]
            last = [np.where(here, columns[place], last[0]), np.where(here, last[0], last[1])]
        found[step], found[2 * step] = once, twice
    return found


def read_neighbours(space: SearchSpace, arrays: Mapping[str, NDArray[Any]]) -> NeighbourModel:
    """Returns the model that was saved; its table is checked by the caller.

    Raises:
        ValueError: The arrays are not those of a model of this space.
    """
    kinds, places = arrays["kinds"], arrays["places"]
    forest = read_small_trees(arrays, len(OFFSETS))
    if kinds.shape != (space.n_cells,) or kinds.dtype.kind != "i":
        raise ValueError(f"kinds are {kinds.shape} {kinds.dtype} for {space.n_cells} cells")
    if kinds.min() < -1 or kinds.max() >= len(forest.features) - 1:
        raise ValueError(f"a cell has kind {kinds.max()} of {len(forest.features) - 1}")
    known = range(len(space.layer_slots))
    if places.ndim != 1 or places.dtype.kind != "i" or not set(places.tolist()) <= set(known):
        raise ValueError(f"places are not among {len(known)} layers")
    table = LinearModel(space, arrays["table"].astype(np.float64))
    return NeighbourModel(
        space,
        table,
        kinds.astype(np.int16),
        tuple(map(int, places)),
        forest,
        read_pairs(arrays),
    )
