"""Fits the trees of `NeighbourModel` to the times of layers in whole networks and in prefixes."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import MissingPackageError
from evonas.latency.predictors.features import LayerKinds, layer_kinds
from evonas.latency.predictors.models import LinearModel
from evonas.latency.predictors.neighbours import FIRST, OFFSETS, NeighbourModel, around
from evonas.latency.predictors.observations import layer_times
from evonas.latency.predictors.pairs import Pairs, has_pairs, known_pairs, pair_keys
from evonas.latency.predictors.small_trees import N_LEAVES, small_trees
from evonas.latency.store import Measurements
from evonas.space import Layer
from evonas.space.blocks import OP_KINDS
from evonas.space.costs import placed

_TREES: dict[str, Any] = {
    "max_iter": 400,
    "learning_rate": 0.1,
    "max_leaf_nodes": N_LEAVES,
    "min_samples_leaf": 4,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}
# Layers of little time must not be forgotten altogether.
_LEAST_SHARE = 3e-3
# The places that are corrected hold this much of the table's squared error.
_CORRECTED = 0.995
_KILO = 1024.0
NO_PAIRS = Pairs(np.empty(0, np.int64), np.empty((0, 2), np.float32))


class _Samples(NamedTuple):
    """Layers in networks: `codes` by offset, times over the table's, weights, places, networks."""

    codes: dict[int, NDArray[np.int16]]
    factors: Floats
    shares: Floats
    places: NDArray[np.intp]
    networks: NDArray[np.intp]


def fit_neighbours(
    measurements: Measurements, table: Floats, prefixes: Measurements | None = None
) -> NeighbourModel:
    """Returns the table with trees that correct it.

    Args:
        measurements: Whole networks with the times by part.
        table: (n_cells,) milliseconds of an additive model.
        prefixes: Networks cut short, if there are any.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError:
        raise MissingPackageError("scikit-learn", "train") from None
    space, kinds = measurements.space, layer_kinds(measurements.space)
    base = kinds.by_layer(table)
    samples = _samples(measurements, kinds, base)
    places = _places(samples, len(space.layer_slots))
    if prefixes is not None and len(prefixes):
        samples = _joined(samples, _samples(prefixes, kinds, base))
    kept = np.isin(samples.places, places)
    features = layer_features(kinds)
    around_them = np.column_stack([features[samples.codes[o][kept]] for o in OFFSETS])
    weights = np.square(samples.shares[kept]) + _LEAST_SHARE**2
    trees = HistGradientBoostingRegressor(**_TREES).fit(
        around_them, samples.factors[kept], sample_weight=weights / weights.mean()
    )
    return NeighbourModel(
        space,
        LinearModel(space, table),
        kinds.of_cell.astype(np.int16),
        places,
        small_trees(trees, features),
        _pairs(samples, features, kinds) if has_pairs(space) else NO_PAIRS,
    )


def _pairs(samples: _Samples, features: NDArray[np.float32], kinds: LayerKinds) -> Pairs:
    """The factors of the first two blocks that were seen."""
    both = np.intersect1d(*(samples.networks[samples.places == place] for place in (0, 1)))
    told = np.isin(samples.networks, both)
    first, second = told & (samples.places == 0), told & (samples.places == 1)
    codes = {offset: samples.codes[offset][first] for offset in OFFSETS}
    goes_on = features[codes[2], FIRST] == 0
    keys = pair_keys(codes[0], codes[1], goes_on, len(features))
    factors = np.column_stack([samples.factors[first], samples.factors[second]])
    return known_pairs(keys, factors)


def layer_features(kinds: LayerKinds) -> NDArray[np.float32]:
    """Returns (n_layers + 1, n_features) what layers are; the last row means that there is none."""
    rows = [_features(layer) for layer in kinds.layers]
    return np.array([*rows, [-1.0] * len(rows[0])], np.float32)


def _features(layer: Layer) -> list[float]:
    """Kind, place and shape of a layer, and the kilobytes of what it reads, makes and holds."""
    op = layer.op
    convs = list(placed(layer.convs(), layer.size_in))
    read = [conv.c_in * size**2 / _KILO for conv, size in convs]
    made = [conv.values_out(size) / _KILO for conv, size in convs]
    weights = [conv.params(0) / _KILO for conv, _ in convs]
    # A few rows of a map, as many as the next convolution needs, are what a cascade holds.
    rows = [conv.c_in * size * (conv.kernel + conv.stride) / _KILO for conv, size in convs]
    first = convs[0][0]
    return [
        float(OP_KINDS.index(op.kind)),
        float(op.kernel),
        float(op.expansion),
        op.ratio_in,
        op.ratio_out,
        float(layer.c_in),
        float(layer.c_out),
        float(layer.block),
        float(layer.index == 1),
        float(layer.size_in),
        read[0],
        made[0],
        max(made),
        made[-1],
        read[-1],
        sum(made),
        max(one + other for one, other in zip(read, made, strict=True)),
        sum(rows),
        float(first.kernel),
        float(first.depthwise),
        sum(weights),
        weights[0],
        weights[-1],
        sum(conv.madds(size) for conv, size in convs) / 1e6,
    ]


def _samples(measurements: Measurements, kinds: LayerKinds, base: Floats) -> _Samples:
    """The layers whose times are known."""
    numbers = kinds.numbers(measurements.space, measurements.genotypes)
    times = layer_times(measurements)
    expected = np.where(numbers >= 0, base[numbers], 0.0)
    total = _totals(expected, np.isnan(times))
    rows, columns = np.nonzero((numbers >= 0) & ~np.isnan(times))
    found = around(numbers.astype(np.int16), len(kinds.layers))
    return _Samples(
        {offset: found[offset][columns, rows] for offset in OFFSETS},
        times[rows, columns] / expected[rows, columns],
        expected[rows, columns] / total[rows],
        columns,
        rows,
    )


def _totals(expected: Floats, unknown: NDArray[np.bool_]) -> Floats:
    """(n,) the networks' times by the table; what is cut off counts as much as the rest."""
    cut = unknown.any(axis=1)
    known: Floats = np.where(unknown, 0.0, expected).sum(axis=1)
    return np.where(cut, 2 * known, known)


def _joined(one: _Samples, other: _Samples) -> _Samples:
    return _Samples(
        {o: np.concatenate([one.codes[o], other.codes[o]]) for o in OFFSETS},
        np.concatenate([one.factors, other.factors]),
        np.concatenate([one.shares, other.shares]),
        np.concatenate([one.places, other.places]),
        np.concatenate([one.networks, other.networks + one.networks.max() + 1]),
    )


def _places(samples: _Samples, n_places: int) -> tuple[int, ...]:
    """The places, in order, that hold nearly all of the table's squared error."""
    errors = np.square((samples.factors - 1) * samples.shares)
    by_place = np.bincount(samples.places, errors, n_places)
    order = np.argsort(-by_place, kind="stable")
    held = np.cumsum(by_place[order]) / by_place.sum()
    needed = int(np.searchsorted(held, _CORRECTED)) + 1
    return tuple(sorted(order[:needed].tolist()))
