"""Named problems with known fronts, and the comparison of algorithms on them."""

from evonas.benchmark.catalogue import CATALOGUE
from evonas.benchmark.definition import Noise, ProblemDefinition
from evonas.benchmark.dynamic import LayerObjective, exact_front
from evonas.benchmark.problem import BenchmarkProblem, list_problems, load_problem

__all__ = [
    "CATALOGUE",
    "BenchmarkProblem",
    "LayerObjective",
    "Noise",
    "ProblemDefinition",
    "exact_front",
    "list_problems",
    "load_problem",
]
