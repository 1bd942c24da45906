"""Latencies measured here and now, for the few networks that a search ends with."""

from collections.abc import Callable

import numpy as np

from evonas.arrays import Floats
from evonas.latency import load_device
from evonas.latency.sources.load import open_source
from evonas.latency.sources.pool import CPU_SECONDS, measure_all
from evonas.space import Genotypes, SearchSpace


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
    cpu_seconds: float = CPU_SECONDS,
) -> Floats:
    """Measures networks on a device, one after the other.

    Args:
        device: Name of the device.
        space: The space.
        genotypes: (n, n_genes).
        progress: Called with networks done and networks in all.
        cpu_seconds: Processor time that a compiler may take for a network.

    Returns:
        (n,) milliseconds; NaN for a network that takes a compiler too long.

    Raises:
        ConfigurationError: The device cannot be reached here.
        MissingPackageError: Its runtime or compiler is not installed.
    """
    the_device = load_device(device)
    source = open_source(the_device, space)
    architectures = [space.decode(genotype) for genotype in genotypes]
    answers = measure_all(the_device, source, architectures, cpu_seconds=cpu_seconds)
    times = np.full(len(genotypes), np.nan)
    for row, answer in enumerate(answers):
        if answer:
            times[row] = answer.latency_ms
        progress(row + 1, len(genotypes))
    return times
