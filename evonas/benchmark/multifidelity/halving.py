"""Successive halving and ASHA with NSGA-II's selection: rank of the front, then crowding."""

from evonas.arrays import Floats
from evonas.benchmark.multifidelity.base import Job, TimedSearch
from evonas.benchmark.simulation import Result
from evonas.benchmark.trained import TrainedProblem

_ETA = 2


def rungs(fidelities: Floats, eta: int = _ETA) -> list[float]:
    """Returns rising fidelities, the last 1, each at least `eta` times the one before.

    >>> import numpy as np
    >>> rungs(np.array([0.25, 0.5, 0.75, 1.0]))
    [0.25, 0.5, 1.0]
    """
    found = [1.0]
    for fidelity in sorted(fidelities.tolist(), reverse=True):
        if fidelity * eta <= found[0] + 1e-9:
            found.insert(0, float(fidelity))
    return found


class _Rungs(TimedSearch):
    """Trainings that stop at rungs."""

    def __init__(self, problem: TrainedProblem, population: int, seed: int) -> None:
        super().__init__(problem, population, seed)
        self.rungs = rungs(problem.fidelities)

    def parents(self) -> list[Result]:
        """Returns the best of the highest rung that half a population has reached."""
        for rung in reversed(self.rungs):
            if len(self.at(rung)) >= self.population // 2:
                return self.best(self.at(rung), self.population)
        return []


class SuccessiveHalving(_Rungs):
    """A population on the first rung, its better half on the next one, and so on; then children."""

    def __init__(self, problem: TrainedProblem, population: int, seed: int) -> None:
        super().__init__(problem, population, seed)
        self._rung = 0
        self._waiting: list[Job] = []
        self._came: list[Result] = []
        self._open = 0

    def ask(self) -> Job | None:
        """See `TimedSearch`."""
        if not self._waiting:
            if self._open:
                return None
            self._next_rung()
        if not self._waiting:
            return None
        self._open += 1
        return self._waiting.pop(0)

    def tell(self, result: Result) -> None:
        """See `TimedSearch`."""
        super().tell(result)
        self._came.append(result)
        self._open -= 1

    def _next_rung(self) -> None:
        last = not self._came or self._rung == len(self.rungs) - 1
        if not last:
            self._rung += 1
            kept = self.best(self._came, max(1, len(self._came) // _ETA))
            self._waiting = [(result.genotype, self.rungs[self._rung]) for result in kept]
        else:
            self._rung = 0
            parents = self.parents()
            for _ in range(self.population):
                genotype = self.child(parents)
                if genotype is not None:
                    self._waiting.append(self.begin(genotype, self.rungs[0]))
            if not self._waiting:
                self._rung, self._waiting = len(self.rungs) - 1, self._left_over()
        self._came = []

    def _left_over(self) -> list[Job]:
        """Returns the best that stopped, which go on to the end where nothing is left to begin."""
        ended = {result.genotype.tobytes() for result in self.at(1.0)}
        for rung in reversed(self.rungs[:-1]):
            stopped = [r for r in self.at(rung) if r.genotype.tobytes() not in ended]
            if stopped:
                return [(r.genotype, 1.0) for r in self.best(stopped, self.population)]
        return []


class Asha(_Rungs):
    """A free worker trains on the best half of a rung that has not been, or else begins a child."""

    def __init__(self, problem: TrainedProblem, population: int, seed: int) -> None:
        super().__init__(problem, population, seed)
        self._promoted: dict[float, set[bytes]] = {rung: set() for rung in self.rungs}

    def ask(self) -> Job | None:
        """See `TimedSearch`."""
        for rung, higher in zip(self.rungs[-2::-1], self.rungs[:0:-1], strict=True):
            job = self._promotion(rung, higher, _ETA)
            if job:
                return job
        early = len(self._begun) < self.population
        genotype = self.random() if early else self.child(self.parents())
        if genotype is not None:
            return self.begin(genotype, self.rungs[0])
        for rung, higher in zip(self.rungs[-2::-1], self.rungs[:0:-1], strict=True):
            job = self._promotion(rung, higher, 1)  # nothing is left to begin
            if job:
                return job
        return None

    def _promotion(self, rung: float, higher: float, eta: int) -> Job | None:
        there = self.at(rung)
        for result in self.best(there, len(there) // eta):
            key = result.genotype.tobytes()
            if key not in self._promoted[rung]:
                self._promoted[rung].add(key)
                return result.genotype, higher
        return None
