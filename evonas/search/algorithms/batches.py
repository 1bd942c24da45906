"""The frame of the algorithms that are our own: batches of genotypes out, their values in."""

from abc import abstractmethod
from typing import Any

import numpy as np
from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population

from evonas.arrays import Floats
from evonas.search.constraints import total_violation
from evonas.search.problem import SearchProblem, sample_unseen
from evonas.space import Genotypes, SearchSpace


class BatchAlgorithm(Algorithm):  # type: ignore[misc]  # pymoo is untyped
    """Begins with random genotypes; a sub-class proposes what is evaluated next.

    Attributes:
        genotypes: (n, n_genes) all that was evaluated, in order.
        values: (n, m) minimised objectives.
        violated: (n, n_constraints) violations, 0 or less where a constraint holds.
    """

    def __init__(self, problem: SearchProblem, population: int) -> None:
        super().__init__()
        self.population = population
        self.searched = problem
        self.space: SearchSpace = problem.space
        self.genotypes = np.empty((0, self.space.n_genes), np.uint8)
        self.values = np.empty((0, problem.n_obj))
        self.violated = np.empty((0, problem.n_ieq_constr))

    @property
    def violation(self) -> Floats:
        """(n,) total violations, 0 where feasible."""
        return total_violation(self.violated)

    @abstractmethod
    def propose(self) -> Genotypes:
        """Returns up to `population` genotypes to evaluate; none ends the run."""

    def first(self) -> Genotypes:
        """Returns the genotypes to begin with."""
        return sample_unseen(self.searched.evaluation, self.population, self.random_state)

    def on_evaluated(self, count: int) -> None:
        """Called when the last `count` genotypes have their values."""

    def _initialize_infill(self) -> Any:
        return Population.new("X", self.first())

    def _initialize_advance(self, infills: Any = None, **_: Any) -> None:
        self._advance(infills)

    def _infill(self) -> Any:
        proposed = self.propose()
        if len(proposed) == 0:
            self.termination.force_termination = True
            return None
        return Population.new("X", proposed)

    def _advance(self, infills: Any = None, **_: Any) -> None:
        if infills is None:
            return
        self.pop = infills
        self.genotypes = np.concatenate([self.genotypes, infills.get("X").astype(np.uint8)])
        self.values = np.concatenate([self.values, infills.get("F").astype(np.float64)])
        self.violated = np.concatenate([self.violated, infills.get("G").astype(np.float64)])
        self.on_evaluated(len(infills))
