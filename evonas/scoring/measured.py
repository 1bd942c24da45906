"""Latencies measured here and now, for the few networks that a search ends with."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evonas.latency import load_device
from evonas.latency.sources import open_source
from evonas.space import Genotypes, SearchSpace

Floats = NDArray[np.float64]


def is_exact(device: str) -> bool:
    """Whether a device's predictions are its very source.

    Raises:
        ConfigurationError: evonas does not know the device by itself.
    """
    return load_device(device).source == "analytic"


def measure_latency(
    device: str,
    space: SearchSpace,
    genotypes: Genotypes,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Floats:
    """Measures networks on a device, one after the other.

    Args:
        device: Name of the device.
        space: The space.
        genotypes: (n, n_genes).
        progress: Called with networks done and networks in all.

    Returns:
        (n,) milliseconds.

    Raises:
        ConfigurationError: The device cannot be reached here.
        MissingPackageError: Its runtime or compiler is not installed.
    """
    source = open_source(load_device(device), space)
    times = np.empty(len(genotypes))
    for row, genotype in enumerate(genotypes):
        times[row] = source.measure(space.decode(genotype)).latency_ms
        progress(row + 1, len(genotypes))
    return times
