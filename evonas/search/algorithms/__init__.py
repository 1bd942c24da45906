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


def make_algorithm(name: str, problem: SearchProblem, population: int) -> Algorithm:
    """Returns the algorithm of that name, which asks for about `population` genotypes at once.

    Raises:
        ConfigurationError: No algorithm has the name, or it needs a package that is not there.
    """
    if name not in ALGORITHMS:
        raise unknown_name("algorithm", name, ALGORITHMS)
    module, function = ALGORITHMS[name]
    maker: Maker = getattr(import_module(f"{__name__}.{module}"), function)
    return maker(problem, population)
