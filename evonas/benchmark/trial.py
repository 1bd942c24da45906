"""One run of an algorithm on a problem: a number of evaluations, all of them kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.benchmark.problem import BenchmarkProblem
from evonas.limits import MAX_POPULATION, check_whole
from evonas.scoring.scorer import row_keys
from evonas.search.algorithms import Maker, make_algorithm
from evonas.search.problem import SearchProblem
from evonas.space import Genotypes

POPULATION = 50


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """The unbounded archive of a run.

    Attributes:
        genotypes: (n, n_genes) canonical, in the order of their evaluation. What an algorithm
            evaluated twice stands there twice.
    """

    genotypes: Genotypes

    def judged(self, problem: BenchmarkProblem) -> tuple[Floats, NDArray[np.bool_]]:
        """Returns the normalised true values (n, m), and (n,) whether the constraints hold."""
        values = problem.normalise(problem.evaluate_genotypes(self.genotypes))
        return values, problem.is_feasible(self.genotypes)


def run_trial(
    problem: BenchmarkProblem,
    algorithm: str | Maker,
    evaluations: int,
    seed: int = 0,
    population: int = POPULATION,
) -> Trial:
    """Runs an algorithm until it has asked for that many evaluations.

    An evaluation gives all objectives and the violation. A constraint costs one too, though a
    search on a scorer would know of parameters without any.

    Raises:
        ConfigurationError: An unknown algorithm, or a number that is not allowed.
    """
    check_whole("evaluations", evaluations, 2)
    check_whole("population", population, 2, MAX_POPULATION)
    check_whole("seed", seed)
    evaluation = _Evaluation(problem)
    searched = SearchProblem(evaluation)
    running = make_algorithm(algorithm, searched, min(population, evaluations))
    running.setup(searched, termination=("n_eval", evaluations), seed=seed)
    while evaluation.count < evaluations and running.has_next():
        before = evaluation.count
        running.next()
        if evaluation.count == before:
            break  # nothing new was found: the space is exhausted
    return Trial(np.concatenate(evaluation.genotypes)[:evaluations])


class _Evaluation:
    """What `SearchProblem` asks."""

    def __init__(self, problem: BenchmarkProblem) -> None:
        self.problem = problem
        self.spec = problem.spec
        self.seen: set[bytes] = set()
        self.genotypes: list[Genotypes] = []
        self.count = 0

    def __call__(self, genotypes: Genotypes) -> tuple[Floats, Floats]:
        self.genotypes.append(genotypes)
        self.count += len(genotypes)
        self.seen.update(row_keys(genotypes))
        return self.problem.observe(genotypes)

    def cheap_violation(self, genotypes: Genotypes) -> Floats:
        return np.zeros(len(genotypes))

    def reference(self) -> Floats:
        return self.problem.reference_point
