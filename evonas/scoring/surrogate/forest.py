"""Extremely randomised trees as plain arrays; scikit-learn grows them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TREES, _LEAF = 200, 2


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """All trees' nodes in a row; children are positions among them, -1 at a leaf.

    Attributes:
        roots: (n_trees,) positions of the roots.
        left: (n_nodes,) next node where the feature is at most the threshold.
        right: (n_nodes,) next node otherwise.
        feature: (n_nodes,).
        threshold: (n_nodes,).
        value: (n_nodes,) prediction at a leaf.
        noise: Standard deviation that each prediction has beside the trees' own.
    """

    roots: Ints
    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats
    value: Floats
    noise: Floats

    def predict(self, x: Floats) -> tuple[Floats, Floats]:
        """Returns the trees' mean, and a standard deviation, (m,) each, for (m, f)."""
        node = np.repeat(self.roots[:, None], len(x), axis=1)
        rows = np.arange(len(x))
        while (inner := self.left[node] >= 0).any():
            # scikit-learn compares in single precision
            below = x.astype(np.float32)[rows, self.feature[node]] <= self.threshold[node]
            node = np.where(inner, np.where(below, self.left[node], self.right[node]), node)
        values = self.value[node]
        return values.mean(axis=0), np.sqrt(values.var(axis=0) + self.noise**2)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Returns all that it is made of."""
        return {name: getattr(self, name) for name in self.__slots__}


def fit_forest(x: Floats, y: Floats, seed: int = 0) -> Forest:
    """Grows trees on (n, f) features and (n,) values.

    The noise is what the trees that did not see a network leave unexplained of it.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    grown = ExtraTreesRegressor(
        _TREES,
        min_samples_leaf=_LEAF,
        max_features=0.5,
        bootstrap=True,
        oob_score=True,
        random_state=seed,
    ).fit(x, y)
    trees = [tree.tree_ for tree in grown.estimators_]
    starts = np.cumsum([0, *(tree.node_count for tree in trees)])
    inner = [
        (
            np.where(tree.children_left < 0, -1, tree.children_left + start),
            np.where(tree.children_right < 0, -1, tree.children_right + start),
        )
        for tree, start in zip(trees, starts[:-1], strict=True)
    ]
    return Forest(
        roots=starts[:-1],
        left=np.concatenate([left for left, _ in inner]),
        right=np.concatenate([right for _, right in inner]),
        feature=np.concatenate([np.maximum(tree.feature, 0) for tree in trees]),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        value=np.concatenate([tree.value[:, 0, 0] for tree in trees]),
        noise=np.array(np.sqrt(np.mean((grown.oob_prediction_ - y) ** 2))),
    )
