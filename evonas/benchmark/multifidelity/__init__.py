"""Searches under a simulated clock: NSGA-II, halving, and a model of learning curves, by name."""

from collections.abc import Callable

import numpy as np

from evonas.benchmark.multifidelity.assisted import AssistedTrainings, FreezeThaw
from evonas.benchmark.multifidelity.base import Run, TimedSearch
from evonas.benchmark.multifidelity.halving import Asha, SuccessiveHalving
from evonas.benchmark.multifidelity.nsga2 import AsynchronousNSGA2, GenerationalNSGA2
from evonas.benchmark.simulation import reached
from evonas.benchmark.trained import TrainedProblem
from evonas.errors import ConfigurationError, unknown_name
from evonas.limits import MAX_POPULATION, check_whole

SEARCHES: dict[str, type[TimedSearch]] = {
    "nsga2": GenerationalNSGA2,
    "nsga2-asynchronous": AsynchronousNSGA2,
    "successive-halving": SuccessiveHalving,
    "asha": Asha,
    "assisted": AssistedTrainings,
    "assisted-fidelities": FreezeThaw,
}
POPULATION = 20


def run_simulated(
    problem: TrainedProblem,
    algorithm: str,
    workers: int = 1,
    seed: int = 0,
    population: int = POPULATION,
    until: float = np.inf,
    goal: float = np.inf,
    make: Callable[[TrainedProblem, int, int], TimedSearch] | None = None,
) -> Run:
    """Runs a search on a problem's simulated clock.

    Args:
        problem: What is searched.
        algorithm: A name of `SEARCHES`.
        workers: How many networks train at once.
        seed: Of the search's random choices; the problem has its own.
        population: Networks that live at once, where the search has such a number.
        until: Seconds on the clock after which nothing more is submitted.
        goal: Share of the front's hypervolume at which it stops.
        make: Makes a search of one's own in place of the named one.

    Raises:
        ConfigurationError: An unknown name, or a number that is not allowed.
    """
    if make is None and algorithm not in SEARCHES:
        raise unknown_name("algorithm", algorithm, SEARCHES)
    if not isinstance(problem, TrainedProblem):
        raise ConfigurationError(
            f"{problem!r:.80}: no problem over trained networks, such as nano-trained/u55"
        )
    check_whole("population", population, 4, MAX_POPULATION)
    check_whole("seed", seed)
    search = (make or SEARCHES[algorithm])(problem, population, seed)
    simulation = problem.simulate(workers)
    while True:
        while simulation.free and simulation.time < until:
            job = search.ask()
            if job is None:
                break
            simulation.submit(*job)
        if not simulation.running:
            break
        result = simulation.next()
        search.tell(result)
        ended = result.fidelity == 1 and goal < np.inf
        if ended and reached(simulation.curve(), goal) < np.inf:
            break
    return Run(algorithm, workers, seed, simulation.results)


__all__ = ["POPULATION", "SEARCHES", "Run", "TimedSearch", "run_simulated"]
