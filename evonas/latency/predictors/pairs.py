"""What is remembered of the first two blocks: factors of their layers, by what they are.

The largest maps lie there, and whether a compiler keeps them on chip jumps between networks that
are alike, so that no smooth function of them tells. But the first block has one layer and the
times of both follow from the two layers and whether the second block goes on: few enough to ask
the compiler about most of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.space import SearchSpace

Keys = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Factors of the first layers of the first two blocks, where they are known.

    Attributes:
        keys: (n_keys,) ascending; see `pair_keys`.
        factors: (n_keys, 2) of the first and of the second block's layer.
    """

    keys: Keys
    factors: NDArray[np.float32]

    def find(self, keys: Keys) -> Floats:
        """Returns (n, 2) factors, NaN where they are not known."""
        if not len(self.keys):
            return np.full((len(keys), 2), np.nan)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        found = self.factors[place].astype(np.float64)
        found[self.keys[place] != keys] = np.nan
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns what is to be saved."""
        return {"pair_keys": self.keys, "pair_factors": self.factors}


def pair_keys(
    first: NDArray[np.int16], second: NDArray[np.int16], goes_on: NDArray[np.bool_], n_kinds: int
) -> Keys:
    """Returns (n,) numbers of pairs of layers.

    Args:
        first: (n,) kinds of the first block's layer.
        second: (n,) kinds of the second block's first layer.
        goes_on: (n,) whether the second block has more layers.
        n_kinds: Number of kinds.
    """
    keys: Keys = (first.astype(np.int64) * n_kinds + second) * 2 + goes_on
    return keys


def has_pairs(space: SearchSpace) -> bool:
    """Whether the space's first block is one layer, with others behind it."""
    return len(space.blocks) > 1 and space.blocks[0].depth == 1


def known_pairs(keys: Keys, factors: Floats) -> Pairs:
    """Returns the medians, by key, of factors (n, 2) that were observed."""
    order = np.argsort(keys, kind="stable")
    unique, starts = np.unique(keys[order], return_index=True)
    groups = np.split(factors[order], starts[1:])
    medians = [np.median(group, axis=0) for group in groups] if len(keys) else np.empty((0, 2))
    return Pairs(unique, np.asarray(medians, np.float32))


def read_pairs(arrays: Mapping[str, NDArray[Any]]) -> Pairs:
    """Returns the pairs that were saved.

    Raises:
        ValueError: They are not ascending keys with two positive factors each.
    """
    keys, factors = arrays["pair_keys"], arrays["pair_factors"]
    if keys.ndim != 1 or keys.dtype.kind != "i" or (np.diff(keys) <= 0).any():
        raise ValueError("its pairs are not ascending")
    if factors.shape != (len(keys), 2) or factors.dtype.kind != "f":
        raise ValueError(f"its pairs have {factors.shape} {factors.dtype} factors")
    if not (np.isfinite(factors).all() and (factors > 0).all()):
        raise ValueError("its pairs have factors that are not positive")
    return Pairs(keys.astype(np.int64), factors.astype(np.float32))
