"""Searches that know costs beforehand and fit a model of AP; with fidelities, of its curve too."""

import numpy as np

from evonas.arrays import Floats
from evonas.benchmark.multifidelity.base import Job, TimedSearch
from evonas.benchmark.multifidelity.halving import rungs
from evonas.benchmark.simulation import Result
from evonas.benchmark.trained import TRAINED_MAP, TrainedProblem
from evonas.search.algorithms.fronts import feasible_front, improving
from evonas.search.algorithms.gaussian import ArchitectureModel, unlikelihood
from evonas.search.algorithms.threads import one_blas_thread

# The model's optimism, in standard deviations.
_OPTIMISM = 1.0
# Pairs of an early and a last AP from which on a line through them is trusted.
_LEAST = 4
_GROWTH = 1.3


class FreezeThaw(TimedSearch):
    """Every free worker goes where the front is expected to gain most; trainings stop and go on.

    The last AP of a network that was never trained is expected from a Gaussian process; that of one
    that stopped is the mean of what the process says and of a line through the networks that are
    further. Costs need no training and are known. A network stops at each rung and goes on once no
    other one promises more (after Swersky, Snoek and Adams 2014). Where no gain is expected of any,
    the one goes on that must surprise by the fewest deviations.
    """

    def __init__(self, problem: TrainedProblem, population: int, seed: int) -> None:
        super().__init__(problem, population, seed)
        self.rungs = self.stages()
        self._stage: dict[int, int] = {}  # of a row: the rung that it has reached or trains for
        self._busy: set[int] = set()
        self._row = {g.tobytes(): row for row, g in enumerate(problem.networks)}
        self._known = problem.minimise(problem.untrained(problem.networks))
        self._ap = problem.definition.objectives.index(TRAINED_MAP)
        self._shape: Floats | None = None
        self._chosen_at = 0

    def stages(self) -> list[float]:
        """Returns the fidelities at which trainings stop."""
        return rungs(self.problem.fidelities)

    def tell(self, result: Result) -> None:
        """See `TimedSearch`."""
        super().tell(result)
        self._busy.discard(self._row[result.genotype.tobytes()])

    def ask(self) -> Job | None:
        """See `TimedSearch`."""
        row = self._first() if len(self.at(1.0)) < _LEAST else self._most_promising()
        if row is None:
            return None
        stage = self._stage.get(row, -1) + 1
        self._stage[row] = stage
        self._busy.add(row)
        return self.begin(self.problem.networks[row], self.rungs[stage])

    def _first(self) -> int | None:
        """A random population on the first rung, of which the best go on to the end."""
        if len(self._begun) < self.population:
            genotype = self.random()
            return None if genotype is None else self._row[genotype.tobytes()]
        for stage in range(len(self.rungs) - 1, 0, -1):
            for result in self.best(self.at(self.rungs[stage - 1]), _LEAST):
                row = self._row[result.genotype.tobytes()]
                if self._stage[row] == stage - 1 and row not in self._busy:
                    return row
        return None if self._busy else self._most_promising()

    def _most_promising(self) -> int | None:
        last = len(self.rungs) - 1
        done = [row for row, s in self._stage.items() if s == last and row not in self._busy]
        open_ = [
            row
            for row in range(len(self._known))
            if row not in self._busy and self._stage.get(row, -1) < last
        ]
        if not open_:
            return None
        mean, deviation = self._expected()
        values = self._known.copy()
        values[:, self._ap] = mean - _OPTIMISM * deviation
        hoped = self._known.copy()
        hoped[:, self._ap] = mean
        known = hoped[[*done, *self._busy]]  # what is in training counts as expected
        known = known[feasible_front(known, np.zeros(len(known)))]
        both = np.concatenate([known, values[open_]])
        front = both[feasible_front(both, np.zeros(len(both)))]
        low, high = front.min(axis=0), front.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        chosen = improving((values[open_] - low) / span, (known - low) / span, 1)[0]
        if (known <= values[open_[chosen]]).all(axis=1).any():
            chosen = self._least_unlikely(known, hoped[open_], deviation[open_])
        return open_[int(chosen)]

    def _least_unlikely(self, known: Floats, hoped: Floats, deviation: Floats) -> int:
        """Returns which of (n, m) networks must surprise by the fewest deviations (n,) to gain."""
        costs = np.delete(known, self._ap, axis=1)
        own = np.delete(hoped, self._ap, axis=1)
        cheaper = (costs <= own[:, None]).all(axis=2)
        to_beat = np.where(cheaper, known[:, self._ap], np.inf).min(axis=1)
        return int(((hoped[:, self._ap] - to_beat) / np.maximum(deviation, 1e-9)).argmin())

    def _expected(self) -> tuple[Floats, Floats]:
        """Returns (n,) means and deviations of every network's last AP, minimised."""
        n = len(self._known)
        mean, deviation = np.full(n, np.nan), np.zeros(n)
        end = {key: -r.values[self._ap] for key, r in self.results.get(1.0, {}).items()}
        for rung in self.rungs:
            at = {key: -r.values[self._ap] for key, r in self.results.get(rung, {}).items()}
            line = _line(at, end)
            for key, ap in at.items():
                row = self._row[key]
                mean[row], deviation[row] = line[0] + line[1] * ap, line[2]
        known = np.flatnonzero(~np.isnan(mean))
        if len(known) > _GROWTH * self._chosen_at:
            self._shape, self._chosen_at = None, len(known)
        networks = self.problem.networks
        with one_blas_thread():
            model = ArchitectureModel(
                self.problem.space, networks[known], mean[known][:, None], self._shape, unlikelihood
            )
            self._shape = model.shape
            predicted, spread = model.predict(networks), model.deviations(networks)
        unknown = np.isnan(mean)
        mean[unknown], deviation[unknown] = predicted[unknown, 0], spread[unknown, 0]
        stopped = ~unknown & (deviation > 0)
        mean[stopped] = (mean[stopped] + predicted[stopped, 0]) / 2
        return mean, deviation


class AssistedTrainings(FreezeThaw):
    """The same at full fidelity: every training goes to its end."""

    def stages(self) -> list[float]:
        """See `FreezeThaw`."""
        return [1.0]


def _line(early: dict[bytes, float], last: dict[bytes, float]) -> tuple[float, float, float]:
    """Returns intercept, slope and deviation of last values by early ones, over shared networks."""
    shared = [key for key in early if key in last]
    x, y = (np.array([values[key] for key in shared]) for values in (early, last))
    if len(shared) < 2 or np.ptp(x) == 0:
        return 0.0, 1.0, 0.0
    if np.array_equal(x, y):
        return 0.0, 1.0, 0.0
    slope, intercept = np.polyfit(x, y, 1) if len(shared) >= _LEAST else (1.0, (y - x).mean())
    left = y - intercept - slope * x
    return float(intercept), float(slope), float(np.sqrt((left**2).sum() / max(1, len(x) - 2)))
