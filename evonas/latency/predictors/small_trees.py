"""Small regression trees over coded things and their neighbours, evaluated fast in numpy.

A tree's leaves are bits of one byte. A condition that fails takes the leaves to its left away, and
the lowest bit that remains is the leaf (QuickScorer: Lucchese et al., SIGIR 2015). As every
condition asks one neighbour, what all conditions on it take away is a byte by tree and code: a
tree costs one gather for each neighbour and one for the value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.latency.predictors.forest import grown

N_LEAVES = 8
_N_CONDITIONS = N_LEAVES - 1
_CHUNK = 1 << 15
_ALL = np.uint8(255)


@dataclass(frozen=True, eq=False)
class SmallTrees:
    """A sum of trees of up to `N_LEAVES` leaves.

    Attributes:
        features: (n_codes, n_features) features of each code.
        asked: (n_trees, 7) feature that a condition asks, counted on over the neighbours:
            `neighbour * n_features + feature`; -1 where a tree has fewer conditions.
        bounds: (n_trees, 7) a condition holds where the feature is not above the bound.
        kept: (n_trees, 7) the leaves, as bits, that remain where a condition fails.
        leaves: (n_trees, 8) values, the lowest bit's first.
        constant: Added to their sum.
    """

    features: NDArray[np.float32]
    asked: NDArray[np.int16]
    bounds: NDArray[np.float32]
    kept: NDArray[np.uint8]
    leaves: NDArray[np.float32]
    constant: float

    def predict(self, codes: Sequence[NDArray[np.int16]]) -> Floats:
        """Returns (n,) sums of the trees.

        Args:
            codes: For each neighbour, (n,) codes.
        """
        n = len(codes[0])
        total = np.empty(n)
        for start in range(0, n, _CHUNK):
            part = [np.asarray(c[start : start + _CHUNK], np.intp) for c in codes]
            total[start : start + _CHUNK] = self._chunk(part)
        return total

    def _chunk(self, codes: Sequence[NDArray[np.intp]]) -> Floats:
        n = len(codes[0])
        total = np.full(n, self.constant, np.float32)
        bits, other = np.empty(n, np.uint8), np.empty(n, np.uint8)
        value = np.empty(n, np.float32)
        for tree, parts in enumerate(self._parts):
            first, *rest = parts or [0]
            np.take(self._masks[first][tree], codes[first], out=bits, mode="clip")
            for neighbour in rest:
                np.take(self._masks[neighbour][tree], codes[neighbour], out=other, mode="clip")
                np.bitwise_and(bits, other, out=bits)
            np.take(self._values[tree], bits, out=value, mode="clip")
            total += value
        return total.astype(np.float64)

    @property
    def n_neighbours(self) -> int:
        """Number of neighbours that it asks at most."""
        largest = int(self.asked.max(initial=0))
        return largest // int(self.features.shape[1]) + 1

    @cached_property
    def _parts(self) -> list[list[int]]:
        """The neighbours that each tree asks."""
        places = np.where(self.asked < 0, -1, self.asked // self.features.shape[1])
        return [sorted(set(row.tolist()) - {-1}) for row in places]

    @cached_property
    def _masks(self) -> NDArray[np.uint8]:
        """(n_neighbours, n_trees, n_codes) what each code leaves of a tree's leaves."""
        n_features = self.features.shape[1]
        masks = np.full((self.n_neighbours, len(self.asked), len(self.features)), _ALL)
        for condition in range(_N_CONDITIONS):
            for tree in np.flatnonzero(self.asked[:, condition] >= 0):
                neighbour, feature = divmod(int(self.asked[tree, condition]), n_features)
                fails = self.features[:, feature] > self.bounds[tree, condition]
                masks[neighbour, tree, fails] &= self.kept[tree, condition]
        return masks

    @cached_property
    def _values(self) -> NDArray[np.float32]:
        """(n_trees, 256) the value of a byte's lowest bit; 0 for none."""
        lowest = [(byte & -byte).bit_length() - 1 for byte in range(1, 256)]
        return np.column_stack([np.zeros(len(self.leaves), np.float32), self.leaves[:, lowest]])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns what is to be saved."""
        return {
            "features": self.features,
            "asked": self.asked,
            "bounds": self.bounds,
            "kept": self.kept,
            "leaves": self.leaves,
            "constant": np.array([self.constant], np.float32),
        }


def read_small_trees(arrays: Mapping[str, NDArray[Any]], n_neighbours: int) -> SmallTrees:
    """Returns the trees that were saved.

    Args:
        arrays: Those of `SmallTrees.arrays`.
        n_neighbours: Neighbours that are known of.

    Raises:
        ValueError: They are not those of small trees, with a message of what is wrong.
    """
    features, asked = arrays["features"], arrays["asked"]
    n_trees = len(asked)
    shapes = {
        "asked": (n_trees, _N_CONDITIONS),
        "bounds": (n_trees, _N_CONDITIONS),
        "kept": (n_trees, _N_CONDITIONS),
        "leaves": (n_trees, N_LEAVES),
        "constant": (1,),
    }
    kinds = {"features": "f", "asked": "i", "bounds": "f", "kept": "u", "leaves": "f"}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has the shape {arrays[name].shape}, not {shape}")
    for name, kind in kinds.items():
        if arrays[name].dtype.kind != kind:
            raise ValueError(f"{name} is {arrays[name].dtype}")
    if features.ndim != 2 or not np.isfinite(features).all():
        raise ValueError("its features are no finite matrix")
    if not (np.isfinite(arrays["leaves"]).all() and np.isfinite(arrays["constant"]).all()):
        raise ValueError("its leaves are not finite")
    if asked.size and asked.max() >= n_neighbours * features.shape[1]:
        raise ValueError(f"it asks feature {asked.max()} of {n_neighbours * features.shape[1]}")
    return SmallTrees(
        features.astype(np.float32),
        asked.astype(np.int16),
        arrays["bounds"].astype(np.float32),
        arrays["kept"].astype(np.uint8),
        arrays["leaves"].astype(np.float32),
        float(arrays["constant"][0]),
    )


def small_trees(fitted: Any, features: NDArray[np.float32]) -> SmallTrees:
    """Returns the trees of a fitted `HistGradientBoostingRegressor` of at most 8 leaves a tree.

    Args:
        fitted: The regressor; its features are those of the neighbours one after the other.
        features: (n_codes, n_features) of each code.
    """
    trees, constant = grown(fitted)
    asked = np.full((len(trees), _N_CONDITIONS), -1, np.int16)
    bounds = np.zeros((len(trees), _N_CONDITIONS), np.float32)
    kept = np.full((len(trees), _N_CONDITIONS), _ALL)
    leaves = np.zeros((len(trees), N_LEAVES), np.float32)
    for tree, nodes in enumerate(trees):
        values: list[float] = []
        conditions: list[tuple[int, float, int]] = []
        _walk(nodes, 0, values, conditions)
        leaves[tree, : len(values)] = values
        for place, (feature, bound, left) in enumerate(conditions):
            asked[tree, place] = feature
            bounds[tree, place] = bound
            kept[tree, place] = 255 & ~left
    return SmallTrees(features, asked, bounds, kept, leaves, constant)


def _walk(
    nodes: Any, place: int, values: list[float], conditions: list[tuple[int, float, int]]
) -> None:
    """Collects a tree's leaves from left to right, and its conditions with the leaves to the left.

    A condition is its feature, its bound and, as bits, the leaves of its left side.
    """
    node = nodes[place]
    if node["is_leaf"]:
        values.append(float(node["value"]))
        return
    before = len(values)
    _walk(nodes, node["left"], values, conditions)
    left = (1 << len(values)) - (1 << before)
    conditions.append((int(node["feature_idx"]), float(node["num_threshold"]), left))
    _walk(nodes, node["right"], values, conditions)
