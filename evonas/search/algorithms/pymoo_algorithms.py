"""pymoo's algorithms with the operators that know the space; its NSGA-II as it comes, too."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from pymoo.algorithms.moo.moead import ParallelMOEAD, default_decomp
from pymoo.algorithms.moo.nsga2 import NSGA2, binary_tournament
from pymoo.algorithms.moo.nsga3 import NSGA3
from pymoo.algorithms.moo.sms import SMSEMOA, cv_and_dom_tournament
from pymoo.core.algorithm import Algorithm
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.operators.selection.tournament import TournamentSelection
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
from pymoo.util.ref_dirs import get_reference_directions
from scipy.spatial.distance import cdist

from evonas.arrays import Floats
from evonas.errors import MissingPackageError
from evonas.search.algorithms.tournaments import by_dominance, by_violation, one_by_chance
from evonas.search.mating import SpaceMating
from evonas.search.problem import (
    SearchProblem,
    SpaceCrossover,
    SpaceMutation,
    SpaceSampling,
)


def nsga2(problem: SearchProblem, population: int) -> Algorithm:
    """NSGA-II that knows the space and evaluates no network twice.

    With more than two objectives the nearest neighbours say how crowded a network is (Kukkonen
    and Deb, PPSN 2006): the published distance, by one objective at a time, tells little there.
    With more than three nearly all networks are on the front, so that crowding alone would choose
    the parents, most of them at its far ends: there it chooses one of each couple.
    """
    crowding = "cd" if problem.n_obj <= 2 else "mnn"
    tournament = by_dominance if problem.n_obj <= 3 else one_by_chance
    survival = RankAndCrowding(crowding_func=crowding)
    return NSGA2(pop_size=population, survival=survival, **_known(tournament))


def default_nsga2(_: SearchProblem, population: int) -> Algorithm:
    """Pymoo's NSGA-II on integers as its documentation has it: SBX and PM, rounded."""
    return NSGA2(
        pop_size=population,
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=0.9, eta=15, vtype=float, repair=RoundingRepair()),
        mutation=PM(eta=20, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )


def nsga3(problem: SearchProblem, population: int) -> Algorithm:
    """NSGA-III with as many reference directions as networks."""
    return NSGA3(
        _directions(problem, population),
        pop_size=population,
        **_known(by_violation),
    )


def moead(problem: SearchProblem, population: int) -> Algorithm:
    """MOEA/D, a whole population at once; see `_ScaledMOEAD`."""
    return _ScaledMOEAD(
        _directions(problem, population),
        n_neighbors=max(2, min(20, population)),
        sampling=SpaceSampling(),
        crossover=SpaceCrossover(),
        mutation=SpaceMutation(),
    )


def smsemoa(_: SearchProblem, population: int) -> Algorithm:
    """SMS-EMOA, a fifth of the population at once."""
    offspring = max(1, population // 5)
    return SMSEMOA(
        pop_size=population,
        n_offsprings=offspring,
        **_known(cv_and_dom_tournament),
    )


def agemoea2(_: SearchProblem, population: int) -> Algorithm:
    """AGE-MOEA-II.

    Raises:
        MissingPackageError: numba, which pymoo's implementation needs, is not installed.
    """
    try:
        import numba  # noqa: F401
    except ImportError:
        raise MissingPackageError("numba", "bench") from None
    from pymoo.algorithms.moo.age2 import AGEMOEA2

    return AGEMOEA2(pop_size=population, **_known(binary_tournament))


def _known(tournament: Callable[..., Any]) -> dict[str, Any]:
    """Returns the operators that know the space, with an algorithm's own choice of parents."""
    mating = SpaceMating(TournamentSelection(func_comp=tournament))
    # Nothing that was evaluated is proposed again, so pymoo need not compare.
    return {"sampling": SpaceSampling(), "mating": mating, "eliminate_duplicates": False}


def _directions(problem: SearchProblem, population: int) -> Floats:
    """Returns Das and Dennis's directions, (k, m), as many as the population holds."""
    m = problem.n_obj
    partitions = 1
    while math.comb(partitions + m, m - 1) <= population:
        partitions += 1
    directions: Floats = get_reference_directions("das-dennis", m, n_partitions=partitions)
    return directions


class _ScaledMOEAD(ParallelMOEAD):  # type: ignore[misc]
    """MOEA/D on objectives scaled by the first population; violations count as worse values."""

    def _setup(self, problem: Any, **_: Any) -> None:
        distances = cdist(self.ref_dirs, self.ref_dirs)
        self.neighbors = np.argsort(distances, axis=1, kind="stable")[:, : self.n_neighbors]
        self.decomposition = default_decomp(problem)

    def _initialize_advance(self, infills: Any = None, **more: Any) -> None:
        values = infills.get("F").astype(float)
        self._low = values.min(axis=0)
        self._range = np.maximum(values.max(axis=0) - self._low, 1e-12)
        self._scale(infills)
        super()._initialize_advance(infills, **more)

    def _advance(self, infills: Any = None, **more: Any) -> None:
        self._scale(infills)
        super()._advance(infills, **more)

    def _scale(self, infills: Any) -> None:
        violation = infills.get("CV")
        worse = np.where(violation > 0, 1 + violation, 0)
        infills.set("F", (infills.get("F") - self._low) / self._range + worse)
