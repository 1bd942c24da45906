"""A simulated clock: trainings on several workers, each taking the seconds that it took."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.arrays import Floats
from evonas.benchmark.indicators import gains
from evonas.errors import ConfigurationError
from evonas.space import Genotypes, SearchSpace


class TimedProblem(Protocol):
    """What a simulation asks of a problem."""

    space: SearchSpace
    n_obj: int

    @property
    def fidelities(self) -> Floats:
        """(k,) shares of a whole training, rising to 1."""
        ...

    def observe(
        self, genotypes: ArrayLike, fidelity: float = 1.0, repetition: int = 0
    ) -> tuple[Floats, Floats]:
        """Returns values (n, m) of a training, and violations."""
        ...

    def seconds(self, genotypes: ArrayLike, fidelity: float = 1.0, repetition: int = 0) -> Floats:
        """Returns (n,) seconds of a training from its beginning."""
        ...

    def evaluate_genotypes(self, genotypes: ArrayLike) -> Floats:
        """Returns (n, m) true values."""
        ...

    def normalise(self, values: Floats) -> Floats:
        """Returns (n, m) minimised, the ideal at 0, the nadir at 1."""
        ...

    @property
    def front_volume(self) -> float:
        """Hypervolume of the front, normalised."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a training has come to.

    Attributes:
        genotype: (n_genes,) canonical.
        fidelity: Share of the steps that are done.
        repetition: Which training of the network it is, from 0.
        values: (m,) what is seen, in the objectives' own directions.
        time: Seconds on the clock.
        seconds: Processor seconds of what was done last.
    """

    genotype: Genotypes
    fidelity: float
    repetition: int
    values: Floats
    time: float
    seconds: float


@dataclass(slots=True)
class _Training:
    """How far a network's latest training is."""

    repetition: int = -1
    fidelity: float = 0.0
    seconds: float = 0.0
    running: bool = False


@dataclass(slots=True)
class Simulation:
    """Workers that train at once, and a clock; exact and the same each time.

    A training that was stopped goes on where it stopped and costs what was left. Of trainings that
    end at the same moment the one that was submitted first is told first.

    Attributes:
        problem: What is searched.
        workers: How many train at once.
        time: Seconds on the clock: when the last result came.
        results: All of them, in order.
    """

    problem: TimedProblem
    workers: int = 1
    time: float = 0.0
    results: list[Result] = field(default_factory=list)
    _queue: list[tuple[float, int, Result]] = field(default_factory=list)
    _trainings: dict[bytes, _Training] = field(default_factory=dict)
    _submitted: int = 0

    def __post_init__(self) -> None:
        """Refuses a number of workers that cannot be.

        Raises:
            ConfigurationError: It is not at least 1.
        """
        if type(self.workers) is not int or self.workers < 1:
            raise ConfigurationError(f"workers is {self.workers!r}; it must be at least 1")

    @property
    def running(self) -> int:
        """Number of trainings whose result has not come."""
        return len(self._queue)

    @property
    def free(self) -> int:
        """Number of idle workers."""
        return self.workers - self.running

    def submit(self, genotype: ArrayLike, fidelity: float = 1.0, anew: bool = False) -> None:
        """Trains a network until a share of the steps is done, from where its training stopped.

        Args:
            genotype: (n_genes,).
            fidelity: One of the problem's `fidelities`.
            anew: Whether it is a new training from the beginning, with another seed where the
                table has several.

        Raises:
            ConfigurationError: No worker is free, the network is in training, it is as far as
                that, or there is no such fidelity.
            GenotypeError: No genotype of the space.
        """
        if not self.free:
            raise ConfigurationError(f"all {self.workers} workers are busy: ask next() first")
        row = self.problem.space.canonical(np.asarray(genotype)[None])
        training = self._trainings.setdefault(row.tobytes(), _Training())
        [arch_id] = self.problem.space.arch_ids(row)
        if training.running:
            raise ConfigurationError(f"{arch_id} is in training")
        if anew or training.repetition < 0:
            training = _Training(training.repetition + 1)
            self._trainings[row.tobytes()] = training
        elif fidelity <= training.fidelity:
            raise ConfigurationError(
                f"{arch_id}: {training.fidelity:g} of the steps are done; ask for more, or anew"
            )
        values = self.problem.observe(row, fidelity, training.repetition)[0][0]
        until = float(self.problem.seconds(row, fidelity, training.repetition)[0])
        took = until - training.seconds
        training.fidelity, training.seconds, training.running = fidelity, until, True
        end = self.time + took
        result = Result(row[0], fidelity, training.repetition, values, end, took)
        heapq.heappush(self._queue, (end, self._submitted, result))
        self._submitted += 1

    def next(self) -> Result:
        """Moves the clock on to the next result and returns it.

        Raises:
            ConfigurationError: Nothing is in training.
        """
        if not self._queue:
            raise ConfigurationError("nothing is in training: submit first")
        self.time, _, result = heapq.heappop(self._queue)
        self._trainings[result.genotype.tobytes()].running = False
        self.results.append(result)
        return result

    def curve(self, clock: bool = True) -> tuple[Floats, Floats]:
        """Returns when the hypervolume grew, (k,), and what it grew to, (k,).

        A network counts by its true values, from the moment that one of its trainings has reached
        the last step: nobody has trained the others.

        Args:
            clock: By seconds on the clock; if not, by processor seconds of all results so far.
        """
        return any_time(self.problem, self.results, clock)


def any_time(
    problem: TimedProblem, results: Sequence[Result], clock: bool = True
) -> tuple[Floats, Floats]:
    """Returns the any-time curve of results; see `Simulation.curve`."""
    spent = np.cumsum([result.seconds for result in results])
    ended = [row for row, result in enumerate(results) if result.fidelity == 1]
    if not ended:
        return np.empty(0), np.empty(0)
    trained = np.array([results[row].genotype for row in ended])
    gained = gains(problem.normalise(problem.evaluate_genotypes(trained))) / problem.front_volume
    at = np.array([results[row].time if clock else spent[row] for row in ended])
    return at[gained > 0], np.cumsum(gained)[gained > 0]


def reached(curve: tuple[Floats, Floats], share: float) -> float:
    """Returns when a share of the front's hypervolume was there, infinite if it never was."""
    at, grown = curve
    there: NDArray[np.intp] = np.flatnonzero(grown >= share)
    return float(at[there[0]]) if len(there) else float("inf")
