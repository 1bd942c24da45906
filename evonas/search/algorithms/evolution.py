"""Regularised evolution (Real et al., AAAI 2019), made multi-objective by random weights."""

import numpy as np

from evonas.arrays import Floats
from evonas.search.algorithms.batches import BatchAlgorithm
from evonas.search.operators import mutate
from evonas.search.problem import repeats
from evonas.space import Genotypes

# The youngest of so many populations live; a tournament is among a quarter of them, as published
# (25 of 100).
_LIFETIMES = 2
_SHARE = 0.25
_ATTEMPTS = 20


class RegularisedEvolution(BatchAlgorithm):
    """The best of a random sample is mutated; age alone removes.

    A tournament ranks by a weighted Chebyshev distance from the best values seen, with weights
    drawn anew for each. A population's children are scored together, as by parallel workers.
    """

    def propose(self) -> Genotypes:
        """See `BatchAlgorithm`."""
        rng, n = self.random_state, self.population
        first = max(0, len(self.genotypes) - _LIFETIMES * n)
        losses = self._scaled(first)
        size = max(2, round(_SHARE * len(losses)))
        entrants = np.stack([rng.permutation(len(losses))[:size] for _ in range(n)])
        weights = rng.dirichlet(np.ones(self.values.shape[1]), n)
        worst = (losses[entrants] * weights[:, None]).max(axis=2)
        winners = entrants[np.arange(n), worst.argmin(axis=1)]
        return self._children(self.genotypes[first + winners])

    def _scaled(self, first: int) -> Floats:
        """Returns the living's values between the best and the worst seen; violations lose."""
        low, high = self.values.min(axis=0), self.values.max(axis=0)
        scaled = (self.values[first:] - low) / np.maximum(high - low, 1e-12)
        violation = self.violation[first:, None]
        losses: Floats = scaled + np.where(violation > 0, 1e3 * (1 + violation), 0)
        return losses

    def _children(self, parents: Genotypes) -> Genotypes:
        children = mutate(self.space, parents, self.random_state)
        for _ in range(_ATTEMPTS):
            known = repeats(children, self.searched.evaluation.seen)
            if not known.any():
                return children
            children[known] = mutate(self.space, children[known], self.random_state)
        return children[~repeats(children, self.searched.evaluation.seen)]
