"""Pareto local search (Paquete et al. 2004): the neighbours of the front, again and again."""

import numpy as np

from evonas.scoring.scorer import row_keys
from evonas.search.algorithms.batches import BatchAlgorithm
from evonas.search.algorithms.fronts import feasible_front
from evonas.search.operators import moves
from evonas.search.problem import SearchProblem
from evonas.space import Genotypes, SearchSpace
from evonas.space.sampled import SampledSpace


class LocalSearch(BatchAlgorithm):
    """Evaluates every network one move from the front, a random front network after the other.

    Where the whole front has been explored, it goes on from random networks.
    """

    def __init__(self, problem: SearchProblem, population: int) -> None:
        super().__init__(problem, population)
        self._explored: set[bytes] = set()
        self._waiting = np.empty((0, self.space.n_genes), np.uint8)

    def propose(self) -> Genotypes:
        """See `BatchAlgorithm`."""
        while len(self._waiting) < self.population:
            front = self.genotypes[feasible_front(self.values, self.violation)]
            open_ = [i for i, key in enumerate(row_keys(front)) if key not in self._explored]
            if not open_:
                break
            chosen = front[self.random_state.choice(open_)]
            self._explored.add(chosen.tobytes())
            self._wait_for(neighbours(self.space, chosen))
        batch, self._waiting = np.split(self._waiting, [self.population])
        return batch if len(batch) else self.first()

    def _wait_for(self, found: Genotypes) -> None:
        known = self.searched.evaluation.seen.union(row_keys(self._waiting))
        fresh = [i for i, key in enumerate(row_keys(found)) if key not in known]
        self._waiting = np.concatenate([self._waiting, found[fresh]])


def neighbours(space: SearchSpace, genotype: Genotypes) -> Genotypes:
    """Returns (n, n_genes) the distinct networks one move from a canonical genotype."""
    if isinstance(space, SampledSpace):
        return space.near(genotype)
    rows = []
    for gene, slot in enumerate(space.genes):
        targets = sorted({v for move in moves(slot.choices, int(genotype[gene])) for v in move})
        for value in targets:
            row = genotype.copy()
            row[gene] = value
            rows.append(row)
    found = np.unique(space.canonical(np.array(rows)), axis=0)
    others: Genotypes = found[(found != genotype).any(axis=1)]
    return others
