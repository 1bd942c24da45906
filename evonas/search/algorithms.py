"""The search algorithms by name, each an assembly of pymoo's parts and the space's operators."""

from collections.abc import Callable
from typing import Any

from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population

from evonas.errors import unknown_name
from evonas.search.problem import (
    SearchProblem,
    SpaceCrossover,
    SpaceMutation,
    SpaceSampling,
    Unseen,
    sample_unseen,
)


class RandomSearch(Algorithm):  # type: ignore[misc]  # pymoo is untyped
    """Draws a population of new genotypes each generation."""

    def __init__(self, population: int) -> None:
        super().__init__()
        self.population = population

    def _initialize_infill(self) -> Any:
        return self._draw()

    def _infill(self) -> Any:
        drawn = self._draw()
        if len(drawn) == 0:
            self.termination.force_termination = True
            return None
        return drawn

    def _advance(self, infills: Any = None, **_: Any) -> None:
        if infills is not None:
            self.pop = infills

    def _draw(self) -> Any:
        genotypes = sample_unseen(self.problem.evaluation, self.population, self.random_state)
        return Population.new("X", genotypes)


def _nsga2(problem: SearchProblem, population: int) -> Algorithm:
    return NSGA2(
        pop_size=population,
        sampling=SpaceSampling(),
        crossover=SpaceCrossover(),
        mutation=SpaceMutation(),
        eliminate_duplicates=Unseen(problem.evaluation),
    )


def _random(_: SearchProblem, population: int) -> Algorithm:
    return RandomSearch(population)


ALGORITHMS: dict[str, Callable[[SearchProblem, int], Algorithm]] = {
    "nsga2": _nsga2,
    "random": _random,
}


def make_algorithm(name: str, problem: SearchProblem, population: int) -> Algorithm:
    """Returns the algorithm of that name.

    Raises:
        ConfigurationError: No algorithm has the name.
    """
    if name not in ALGORITHMS:
        raise unknown_name("algorithm", name, ALGORITHMS)
    return ALGORITHMS[name](problem, population)
