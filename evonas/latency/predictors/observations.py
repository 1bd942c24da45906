"""Measurements as sums over layers: whole networks, or single layers where a source tells."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.latency.predictors.features import LayerKinds, layer_kinds
from evonas.latency.sources.measurement import part_names
from evonas.latency.store import Measurements
from evonas.space import SearchSpace

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Numbers = NDArray[np.intp]

# A layer's time in its networks scatters at least so much, relative to itself.
_LEAST_SCATTER = 3e-3


@dataclass(frozen=True, eq=False)
class Observations:
    """Sums over layers that were observed.

    Attributes:
        counts: (n, n_layers) how often each layer is in the sum.
        milliseconds: (n,) the sums.
        noise: (n,) relative variances, up to a common factor.
    """

    counts: "csr_array"
    milliseconds: Floats
    noise: Floats


def observe(measurements: Measurements) -> Observations:
    """Returns the layers' mean times where the source tells them, else the networks' times."""
    if "parts_ms" in measurements.columns:
        return _layers(measurements)
    return networks(measurements)


def networks(measurements: Measurements) -> Observations:
    """Returns one sum a network."""
    kinds = layer_kinds(measurements.space)
    numbers = kinds.numbers(measurements.space, measurements.genotypes)
    rows, columns = np.nonzero(numbers >= 0)
    shape = (len(numbers), len(kinds.layers))
    counts = _counts(rows, numbers[rows, columns], shape)
    return Observations(counts, measurements.latency_ms, np.ones(len(numbers)))


def layer_times(measurements: Measurements) -> Floats:
    """Returns (n, n_layer_slots) milliseconds, what is counted with a layer included."""
    space = measurements.space
    parts = dict(zip(part_names(space), measurements.columns["parts_ms"].T, strict=True))
    names = [f"b{slot.block}.l{slot.layer}" for slot in space.layer_slots]
    times = np.stack([parts[name] for name in names], axis=1)
    times[:, 0] += parts["stem"]
    taps = space.skeleton.head.taps
    for level in range(space.skeleton.head.n_levels):
        tap = taps[min(level, len(taps) - 1)]
        times[:, names.index(f"b{tap}.l1")] += parts[f"head{level}"]
    return times


def _layers(measurements: Measurements) -> Observations:
    """One sum a layer that was seen: its mean, the surer the more often and the steadier."""
    space = measurements.space
    kinds = layer_kinds(space)
    numbers = kinds.numbers(space, measurements.genotypes)
    there = numbers >= 0
    numbers, times = numbers[there], layer_times(measurements)[there]
    seen = np.bincount(numbers, minlength=len(kinds.layers))
    mean = np.bincount(numbers, times, len(kinds.layers)) / np.maximum(seen, 1)
    scatter = _scatter(space, kinds, numbers, times / mean[numbers], seen)
    found = np.flatnonzero(seen)
    shape = (len(found), len(kinds.layers))
    counts = _counts(np.arange(len(found)), found, shape)
    return Observations(counts, mean[found], scatter[found] / seen[found])


def _counts(rows: Numbers, columns: Numbers, shape: tuple[int, int]) -> "csr_array":
    """A matrix that counts how often each place is named."""
    from scipy.sparse import csr_array  # for fits alone: predictors do without it

    return csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)


def _scatter(
    space: SearchSpace,
    kinds: LayerKinds,
    numbers: NDArray[np.intp],
    relative: Floats,
    seen: NDArray[np.intp],
) -> Floats:
    """Relative variance of a layer's time among networks, (n_layers,), by block and first or not.

    A compiler that keeps maps on chip makes it depend on the layers around, early ones most.
    """
    place = np.array([2 * layer.block + (layer.index == 1) for layer in kinds.layers])
    often = seen[numbers] > 1
    numbers, relative = numbers[often], relative[often]
    squares = np.square(relative - 1) * seen[numbers] / (seen[numbers] - 1)
    size = 2 * len(space.blocks) + 2
    total = np.bincount(place[numbers], squares, size)
    count = np.bincount(place[numbers], minlength=size)
    variance = np.maximum(total / np.maximum(count, 1), _LEAST_SCATTER**2)
    scatter: Floats = variance[place] / np.median(variance[place])
    return scatter
