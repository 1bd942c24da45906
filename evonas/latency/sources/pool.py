"""Processes that ask a compiler about many networks at once.

A compiler's search can run away on a network (Vela's for the Ethos-U85 needs seconds for most and
hours for some) or crash. Each worker is a process of its own with a limit on the processor time a
network, which the system enforces by ending the process; the network counts as not measured.
"""

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait

from evonas.errors import EvonasError
from evonas.latency.devices import Device
from evonas.latency.sources.measurement import Measurement, Source
from evonas.space import Architecture

# Most networks take Vela 1 to 5 s.
CPU_SECONDS = 20.0
# After so many networks a worker is replaced: what Vela keeps of each is given back.
_NETWORKS = 2_000

Answer = Measurement | None


def measure_each(
    source: Source,
    architectures: Sequence[Architecture],
    workers: int = 1,
    cpu_seconds: float = CPU_SECONDS,
) -> Iterator[Answer]:
    """Yields every network's figures in order, whatever the number of workers.

    Args:
        source: Where the figures come from; it is sent to the workers.
        architectures: The networks.
        workers: Number of processes.
        cpu_seconds: Processor time that a network may take.

    Yields:
        The figures, or None for a network that took too long or crashed its worker.

    Raises:
        EvonasError: What the source says of a network that it cannot measure.
    """
    queue = iter(enumerate(architectures))
    running = [_Worker(source, cpu_seconds) for _ in range(min(workers, len(architectures)))]
    try:
        answers: dict[int, Answer] = {}
        for wanted in range(len(architectures)):
            while wanted not in answers:
                for worker in running:
                    if worker.task is None and (task := next(queue, None)):
                        worker.start(*task)
                for worker in _ready(running):
                    index, answer = worker.finish()
                    answers[index] = answer
            yield answers.pop(wanted)
    finally:
        for worker in running:
            worker.stop()


def measure_all(
    device: Device,
    source: Source,
    architectures: Sequence[Architecture],
    workers: int = 1,
    cpu_seconds: float = CPU_SECONDS,
) -> Iterator[Answer]:
    """Yields every network's figures in order: a compiler's by `measure_each`, others' one by one.

    What runs networks does so here and alone: a limit on its time, or company, would change it.
    """
    if device.source == "compiler":
        return measure_each(source, architectures, workers, cpu_seconds)
    return map(source.measure, architectures)


class _Worker:
    """One process and the network it is busy with."""

    def __init__(self, source: Source, cpu_seconds: float) -> None:
        self._given = source, cpu_seconds
        self.task: int | None = None
        self._spawn()

    def start(self, index: int, architecture: Architecture) -> None:
        """Hands over a network."""
        self.task = index
        self.connection.send(architecture)

    def finish(self) -> tuple[int, Answer]:
        """Receives the answer; a process that is dead or has answered often is replaced."""
        index, self.task = self.task, None
        assert index is not None
        try:
            answer = self.connection.recv()
        except EOFError:
            self.stop()
            self._spawn()
            return index, None
        self._answered += 1
        if self._answered == _NETWORKS:
            self.stop()
            self._spawn()
        if isinstance(answer, EvonasError):
            raise answer
        return index, answer

    def stop(self) -> None:
        """Ends the process."""
        self.connection.close()
        self._process.kill()
        self._process.join()

    def _spawn(self) -> None:
        # "spawn" everywhere: a forked copy of a process with threads may hang
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, *self._given), daemon=True)
        self._process.start()
        self._answered = 0
        theirs.close()


def _ready(running: list[_Worker]) -> list[_Worker]:
    """Waits until at least one busy worker has answered or died."""
    busy = {worker.connection: worker for worker in running if worker.task is not None}
    return [busy[found] for found in wait(list(busy)) if isinstance(found, Connection)]


def _serve(connection: Connection, source: Source, cpu_seconds: float) -> None:
    """A worker's life: networks in, figures out, until the other side closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        while True:
            architecture = connection.recv()
            _limit(cpu_seconds)
            try:
                answer: Measurement | EvonasError = source.measure(architecture)
            except EvonasError as error:
                answer = error
            _limit(0.0)
            connection.send(answer)


def _limit(seconds: float) -> None:
    """Lets the system end this process after so much processor time; 0 lifts the limit."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
