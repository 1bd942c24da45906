"""Named problems with known fronts, and the comparison of algorithms on them."""

from evonas.benchmark.catalogue import CATALOGUE
from evonas.benchmark.definition import Noise, ProblemDefinition
from evonas.benchmark.dynamic import LayerObjective, exact_front
from evonas.benchmark.loading import list_problems, load_problem
from evonas.benchmark.problem import BenchmarkProblem
from evonas.benchmark.simulation import Simulation
from evonas.benchmark.trained import TrainedProblem, trained_problem

__all__ = [
    "CATALOGUE",
    "BenchmarkProblem",
    "LayerObjective",
    "Noise",
    "ProblemDefinition",
    "Simulation",
    "TrainedProblem",
    "exact_front",
    "list_problems",
    "load_problem",
    "trained_problem",
]
