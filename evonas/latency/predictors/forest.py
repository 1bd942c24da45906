"""Gradient-boosted trees as plain arrays, so that predicting needs numpy alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats

_DEEPEST = 40


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees whose leaves' values are summed.

    Attributes:
        roots: (n_trees,) index of each tree's first node.
        feature: (n_nodes,) the feature that a node asks for; -1 for a leaf.
        threshold: (n_nodes,) up to which the left child is next.
        children: (n_nodes, 2) indices of the left and the right child.
        value: (n_nodes,) of a leaf.
        start: What the values are added to.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float64]
    children: NDArray[np.int32]
    value: NDArray[np.float32]
    start: float

    def predict(self, features: Floats) -> Floats:
        """Returns (n,) values for (n, n_features)."""
        total = np.full(len(features), self.start)
        rows = np.arange(len(features))
        for root in self.roots:
            node = np.full(len(features), root)
            for _ in range(_DEEPEST):
                asked = self.feature[node]
                inner = asked >= 0
                if not inner.any():
                    break
                right = features[rows, np.maximum(asked, 0)] > self.threshold[node]
                node = np.where(inner, self.children[node, right.astype(np.intp)], node)
            total += self.value[node]
        return total

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns what is to be saved."""
        return {
            "roots": self.roots,
            "feature": self.feature,
            "threshold": self.threshold,
            "children": self.children,
            "value": self.value,
            "start": np.array(self.start),
        }


def forest_from_arrays(arrays: Mapping[str, NDArray[Any]], n_features: int) -> Forest:
    """Returns the trees that `Forest.arrays` wrote.

    Raises:
        ValueError: They are no trees over so many features.
        KeyError: An array is missing.
    """
    feature, children = arrays["feature"], arrays["children"]
    roots, threshold, value = arrays["roots"], arrays["threshold"], arrays["value"]
    n = len(feature)
    if children.shape != (n, 2) or threshold.shape != (n,) or value.shape != (n,):
        raise ValueError("trees whose arrays have different lengths")
    if any(part.dtype.kind != "i" for part in (feature, children, roots)):
        raise ValueError("trees whose indices are no whole numbers")
    inner = feature >= 0
    own = np.arange(n)[:, None]
    if (
        feature.max(initial=-1) >= n_features
        or (roots < 0).any()
        or (roots >= n).any()
        or (children[inner] <= own[inner]).any()
        or (children[inner] >= n).any()
        or not np.isfinite(value).all()
        or not np.isfinite(arrays["start"]).all()
    ):
        raise ValueError("trees that lead nowhere")
    return Forest(roots, feature, threshold, children, value, float(arrays["start"]))


def grown(trees: Any) -> tuple[list[NDArray[Any]], float]:
    """Returns the nodes of each tree of a fitted `HistGradientBoostingRegressor`, and its start.

    The only place that looks into scikit-learn's private parts.
    """
    nodes = [iteration[0].nodes for iteration in trees._predictors]
    return nodes, float(np.ravel(trees._baseline_prediction)[0])


def forest_of(trees: Any) -> Forest:
    """Returns a fitted `HistGradientBoostingRegressor` of numerical features as plain arrays."""
    nodes, start = grown(trees)
    roots = np.cumsum([0, *(len(tree) for tree in nodes[:-1])])
    both = [np.stack([tree["left"], tree["right"]], 1).astype(np.int64) for tree in nodes]
    everything = np.concatenate(nodes)
    leaf = everything["is_leaf"].astype(bool)
    children = np.concatenate([child + root for child, root in zip(both, roots, strict=True)])
    return Forest(
        roots.astype(np.int32),
        np.where(leaf, -1, everything["feature_idx"]).astype(np.int16),
        np.where(leaf, 0.0, everything["num_threshold"]),
        np.where(leaf[:, None], 0, children).astype(np.int32),
        np.where(leaf, everything["value"], 0.0).astype(np.float32),
        start,
    )
