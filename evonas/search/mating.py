"""Mating that knows the space: recombine first, mutate where that gives nothing new."""

from typing import Any

import numpy as np
from pymoo.core.infill import InfillCriterion
from pymoo.core.population import Population
from pymoo.core.selection import Selection

from evonas.search.operators import cross, mutate, vary
from evonas.search.problem import SearchProblem, repeats
from evonas.space import Genotypes

# Children that are made for each that is asked for: most of a converged population's are known.
_POOL = 4
# Genes of a child that move, on average.
_RATE = 0.3
_ATTEMPTS = 20
_NEAR = 4


class SpaceMating(InfillCriterion):  # type: ignore[misc]  # pymoo is untyped
    """Gives offspring that were never evaluated, as long as the space has any near.

    Args:
        selection: pymoo's operator that picks the parents.
    """

    def __init__(self, selection: Selection) -> None:
        super().__init__()
        self.selection = selection

    def do(
        self,
        problem: SearchProblem,
        pop: Any,
        n_offsprings: int,
        *_: Any,
        random_state: np.random.Generator,
        **more: Any,
    ) -> Any:
        """Returns a population of up to `n_offsprings`."""
        pairs = -(-_POOL * n_offsprings // 2)
        chosen = self.selection(
            problem, pop, pairs, 2, to_pop=False, random_state=random_state, **more
        )
        parents = pop.get("X").astype(np.uint8)[chosen]
        couples = cross(problem.space, parents[:, 0], parents[:, 1], random_state)
        by_couple = np.stack(couples, axis=1).reshape(-1, problem.space.n_genes)
        children = vary(problem.space, by_couple, random_state, _RATE)
        return Population.new("X", self._new(problem, children, n_offsprings, random_state))

    def _new(
        self, problem: SearchProblem, children: Genotypes, n: int, rng: np.random.Generator
    ) -> Genotypes:
        """Returns the first n new children; where they are too few, known ones are mutated."""
        known = repeats(children, problem.evaluation.seen)
        fresh, rest = children[~known][:n], children[known]
        mutants = start = rest[: n - len(fresh)]
        for attempt in range(_ATTEMPTS):
            if not len(mutants):
                break
            # Near the parents first; where everything is known, ever further from them.
            mutants = mutate(problem.space, start if attempt < _NEAR else mutants, rng)
            both = np.concatenate([fresh, mutants])
            old = repeats(both, problem.evaluation.seen)[len(fresh) :]
            fresh = np.concatenate([fresh, mutants[~old]])
            start, mutants = start[old], mutants[old]
        return fresh
