"""The search algorithms by name. All are pymoo algorithms that ask for batches of genotypes."""

from collections.abc import Callable
from importlib import import_module

from pymoo.core.algorithm import Algorithm

from evonas.errors import unknown_name
from evonas.search.problem import SearchProblem

Maker = Callable[[SearchProblem, int], Algorithm]

# Name -> module here and its function, which is imported when it is asked for.
ALGORITHMS = {
    "nsga2": ("pymoo_algorithms", "nsga2"),
    "pymoo-nsga2": ("pymoo_algorithms", "default_nsga2"),
    "nsga3": ("pymoo_algorithms", "nsga3"),
    "moead": ("pymoo_algorithms", "moead"),
    "smsemoa": ("pymoo_algorithms", "smsemoa"),
    "agemoea2": ("pymoo_algorithms", "agemoea2"),
    "evolution": ("evolution", "RegularisedEvolution"),
    "tunas": ("tunas", "Tunas"),
    "local": ("local", "LocalSearch"),
    "assisted": ("assisted", "AssistedSearch"),
    "ridge": ("ridge", "RidgeSearch"),
    "nsga2-screened": ("screened", "ScreenedNSGA2"),
    "random": ("random_search", "RandomSearch"),
}

# What each of them does, in a line.
ABOUT = {
    "nsga2": "NSGA-II with operators that know the space: the first choice for many evaluations",
    "pymoo-nsga2": "NSGA-II with pymoo's own operators, for comparison",
    "nsga3": "NSGA-III: keeps to reference directions, for three objectives and more",
    "moead": "MOEA/D: many weighted sums at once, each with its neighbours",
    "smsemoa": "SMS-EMOA: drops what adds least hypervolume; slow from four objectives on",
    "agemoea2": "AGE-MOEA-II: learns the front's shape; needs the package numba",
    "evolution": "regularised evolution (AmoebaNet): the best of a sample is mutated, age removes",
    "tunas": "TuNAS, the paper's: policy gradients towards several targets of the cost",
    "local": "Pareto local search: the neighbours of the front, again and again",
    "assisted": "a model fitted during the run proposes what to score: few evaluations, "
    "but each takes its time",
    "ridge": "an additive model of the genes proposes what to score: the baseline for models",
    "nsga2-screened": "NSGA-II whose children a model screens: where an evaluation is dear",
    "random": "random networks: what every search should beat",
}


def make_algorithm(name: str | Maker, problem: SearchProblem, population: int) -> Algorithm:
    """Returns the algorithm of that name, which asks for about `population` genotypes at once.

    Args:
        name: One of `ALGORITHMS`, or what makes an algorithm of one's own.
        problem: What is searched.
        population: Genotypes.

    Raises:
        ConfigurationError: No algorithm has the name, or it needs a package that is not there.
    """
    if callable(name):
        return name(problem, population)
    if name not in ALGORITHMS:
        raise unknown_name("algorithm", name, ALGORITHMS)
    module, function = ALGORITHMS[name]
    maker: Maker = getattr(import_module(f"{__name__}.{module}"), function)
    return maker(problem, population)
