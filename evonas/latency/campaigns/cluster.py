"""Asking a compiler on a Ray cluster."""

from collections import deque
from collections.abc import Iterator, Sequence

from evonas.cluster import join_cluster
from evonas.latency.sources.measurement import Source
from evonas.latency.sources.pool import CPU_SECONDS, Answer, measure_each
from evonas.space import Architecture

_CHUNK = 10  # networks of a task: some seconds of a compiler
_AHEAD = 4  # tasks a CPU that are under way or done before their turn


def measure_on_cluster(
    source: Source,
    architectures: Sequence[Architecture],
    address: str,
    cpu_seconds: float = CPU_SECONDS,
) -> Iterator[Answer]:
    """Yields every network's figures in order; see `measure_each`.

    Work that is lost with a machine is done again on another one.

    Args:
        source: Where the figures come from; its packages must be there on every machine.
        architectures: The networks.
        address: `auto` or HOST:PORT of a running cluster, or `local` for one on this machine.
        cpu_seconds: Processor time that a network may take.

    Raises:
        ConfigurationError: There is no such cluster.
        MissingPackageError: Ray is not installed.
        EvonasError: What the source says of a network that it cannot measure.
    """
    ray = join_cluster(address)
    task = ray.remote(num_cpus=1, max_retries=-1)(_measure)
    ahead = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
    pending: deque[object] = deque()
    for first in range(0, len(architectures), _CHUNK):
        if len(pending) == ahead:
            yield from ray.get(pending.popleft())
        pending.append(task.remote(source, architectures[first : first + _CHUNK], cpu_seconds))
    while pending:
        yield from ray.get(pending.popleft())


def _measure(
    source: Source, architectures: Sequence[Architecture], cpu_seconds: float
) -> list[Answer]:
    return list(measure_each(source, architectures, workers=1, cpu_seconds=cpu_seconds))
