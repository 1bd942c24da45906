"""Trees as plain arrays, side by side or one after the other; scikit-learn grows them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats

Ints = NDArray[np.int64]

_TREES, _LEAF = 200, 2
_BOOSTED = {"n_estimators": 800, "max_depth": 4, "learning_rate": 0.05, "max_features": 0.3}
_LEFT_OUT = 5  # one in so many, to learn how far boosted trees are off


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees side by side, each grown on another sample; the prediction is their mean.

    All trees' nodes stand in a row; children are positions among them, -1 at a leaf.

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
        values = np.ascontiguousarray(self.each(x).T)  # sums do not depend on m
        return values.mean(axis=1), np.sqrt(values.var(axis=1) + self.noise**2)

    def each(self, x: Floats) -> Floats:
        """Returns each tree's value, (n_trees, m), for (m, f)."""
        node = np.repeat(self.roots[:, None], len(x), axis=1)
        rows = np.arange(len(x))
        single = x.astype(np.float32)  # in which scikit-learn compares
        while (inner := self.left[node] >= 0).any():
            below = single[rows, self.feature[node]] <= self.threshold[node]
            node = np.where(inner, np.where(below, self.left[node], self.right[node]), node)
        return self.value[node]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Returns all that it is made of."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


@dataclass(frozen=True, slots=True, eq=False)
class Boosted(Forest):
    """Trees one after the other, each grown on what those before leave; they add up.

    For thousands of networks. The standard deviation is the same everywhere.
    """

    def predict(self, x: Floats) -> tuple[Floats, Floats]:
        """Returns the trees' sum, and a standard deviation, (m,) each, for (m, f)."""
        return np.ascontiguousarray(self.each(x).T).sum(axis=1), np.full(len(x), float(self.noise))


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
    noise = np.sqrt(np.mean((grown.oob_prediction_ - y) ** 2))
    return Forest(**_arrays(tree.tree_ for tree in grown.estimators_), noise=np.array(noise))


def fit_boosted(x: Floats, y: Floats, seed: int = 0) -> Boosted:
    """Grows trees on (n, f) features and (n,) values of mean 0.

    The noise is the error on a fifth of the networks of trees grown on the others.
    """
    from sklearn.ensemble import GradientBoostingRegressor

    def grow(rows: Ints) -> Any:
        model = GradientBoostingRegressor(**_BOOSTED, subsample=0.5, init="zero", random_state=seed)
        return model.fit(x[rows], y[rows])

    order = np.random.default_rng(seed).permutation(len(x))
    left_out, seen = np.split(order, [len(x) // _LEFT_OUT])
    noise = np.sqrt(np.mean((grow(seen).predict(x[left_out]) - y[left_out]) ** 2))
    arrays = _arrays(tree.tree_ for tree in grow(np.arange(len(x))).estimators_[:, 0])
    arrays["value"] = arrays["value"] * _BOOSTED["learning_rate"]
    return Boosted(**arrays, noise=np.array(noise))


def _arrays(grown: Iterable[Any]) -> dict[str, Any]:
    """Returns the arrays of trees as scikit-learn has them."""
    trees = list(grown)
    starts = np.cumsum([0, *(tree.node_count for tree in trees)])
    inner = [
        (
            np.where(tree.children_left < 0, -1, tree.children_left + start),
            np.where(tree.children_right < 0, -1, tree.children_right + start),
        )
        for tree, start in zip(trees, starts[:-1], strict=True)
    ]
    return {
        "roots": starts[:-1],
        "left": np.concatenate([left for left, _ in inner]),
        "right": np.concatenate([right for _, right in inner]),
        "feature": np.concatenate([np.maximum(tree.feature, 0) for tree in trees]),
        "threshold": np.concatenate([tree.threshold for tree in trees]),
        "value": np.concatenate([tree.value[:, 0, 0] for tree in trees]),
    }
