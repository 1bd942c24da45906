"""Gradient-boosted trees over a layer's features, for compilers whose times jump.

They correct the linear model's table where its smooth likeness is wrong, and are fitted to single
layers, so they serve only the sources that tell the time by part. A layer's features depend on
its cell alone: the trees are asked once for every cell, and the predictor is again a table.
"""

from typing import Any

import numpy as np

from evonas.arrays import Floats
from evonas.errors import MissingPackageError
from evonas.latency.predictors.features import layer_kinds
from evonas.latency.predictors.observations import layer_times
from evonas.latency.store import Measurements
from evonas.space import Layer
from evonas.space.blocks import OP_KINDS
from evonas.space.costs import placed

_TREES: dict[str, Any] = {
    "max_iter": 300,
    "learning_rate": 0.05,
    "max_leaf_nodes": 12,
    "min_samples_leaf": 4,
    "l2_regularization": 1.0,
    "random_state": 0,
}
# Layers of little time must not be forgotten altogether.
_LEAST_SHARE = 3e-3


def fit_boosted(measurements: Measurements, table: Floats) -> Floats:
    """Returns a corrected copy of a table, (n_cells,) milliseconds.

    Args:
        measurements: With the times by part.
        table: The linear model's.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError:
        raise MissingPackageError("scikit-learn", "train") from None
    kinds = layer_kinds(measurements.space)
    linear = kinds.by_layer(table)
    features = np.column_stack([[_features(layer) for layer in kinds.layers], np.log(linear)])
    numbers = kinds.numbers(measurements.space, measurements.genotypes)
    rows, columns = np.nonzero(numbers >= 0)
    seen = numbers[rows, columns]
    weight = np.square(linear[seen] / measurements.latency_ms[rows]) + _LEAST_SHARE**2
    trees = HistGradientBoostingRegressor(**_TREES).fit(
        features[seen],
        layer_times(measurements)[rows, columns] / linear[seen],
        sample_weight=weight / weight.mean(),
    )
    corrected = np.append(linear * np.maximum(trees.predict(features), 0.05), 0.0)
    result: Floats = corrected[kinds.of_cell]
    return result


def _features(layer: Layer) -> list[float]:
    """What a layer is, and the sizes of its maps and weights."""
    op = layer.op
    convs = list(placed(layer.convs(), layer.size_in))
    made = [conv.values_out(size) for conv, size in convs]
    return [
        OP_KINDS.index(op.kind),
        op.kernel,
        op.expansion,
        op.ratio_in,
        op.ratio_out,
        layer.c_in,
        layer.c_out,
        layer.block,
        float(layer.index == 1),
        layer.size_in,
        layer.size_in**2 * layer.c_in,
        max(made),
        made[0],
        sum(made),
        sum(conv.params() for conv, _ in convs),
        sum(conv.madds(size) for conv, size in convs),
    ]
