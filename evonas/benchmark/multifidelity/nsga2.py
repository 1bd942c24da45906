"""NSGA-II at full fidelity: in generations, and asynchronously."""

from evonas.benchmark.multifidelity.base import Job, TimedSearch
from evonas.benchmark.simulation import Result
from evonas.benchmark.trained import TrainedProblem


class GenerationalNSGA2(TimedSearch):
    """A generation begins when the one before has been trained; workers wait for its last."""

    def __init__(self, problem: TrainedProblem, population: int, seed: int) -> None:
        super().__init__(problem, population, seed)
        self._asked = self._told = 0
        self._parents: list[Result] = []

    def ask(self) -> Job | None:
        """See `TimedSearch`."""
        if self._asked == self.population:
            if self._told < self._asked:
                return None
            self._asked = self._told = 0
            self._parents = self.best(self.at(1.0), self.population)
        genotype = self.child(self._parents)
        if genotype is None:
            return None
        self._asked += 1
        return self.begin(genotype, 1.0)

    def tell(self, result: Result) -> None:
        """See `TimedSearch`."""
        super().tell(result)
        self._told += 1


class AsynchronousNSGA2(TimedSearch):
    """A free worker gets a child at once, of the best that have been trained until then."""

    def ask(self) -> Job | None:
        """See `TimedSearch`."""
        if len(self._begun) < self.population:
            genotype = self.random()
        else:
            genotype = self.child(self.best(self.at(1.0), self.population))
        return None if genotype is None else self.begin(genotype, 1.0)
