"""NSGA-II whose children are screened: the successor of `nsga2` where an evaluation is dear."""

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.search.algorithms.assisted import AssistedSearch, Model
from evonas.search.algorithms.fronts import best_rows
from evonas.search.algorithms.ridge import one_hot
from evonas.search.operators import cross, vary
from evonas.search.problem import repeats
from evonas.space import Genotypes, SearchSpace

# Penalty on standardised values in the dual; children made for each that is evaluated.
_PENALTY = 1e-3
_POOL = 60
_RATE = 1.0


class PairModel:
    """Ridge regression on main effects and pairs of genes, by its kernel: (1 + equal genes)^2.

    Args:
        space: The space.
        genotypes: (n, n_genes) what is known.
        values: (n, m).
    """

    def __init__(self, space: SearchSpace, genotypes: Genotypes, values: Floats) -> None:
        self._space = space
        self._centre = values.mean(axis=0)
        self._known = one_hot(space, genotypes)
        kernel = self._kernel(self._known) + _PENALTY * np.eye(len(genotypes))
        self._duals: Floats = np.linalg.solve(kernel, values - self._centre)

    def predict(self, genotypes: Genotypes) -> tuple[Floats, Floats]:
        """Returns means and standard deviations of zero, (k, m) each."""
        means = self._kernel(one_hot(self._space, genotypes)) @ self._duals + self._centre
        return means, np.zeros_like(means)

    def _kernel(self, x: Floats) -> Floats:
        kernel: Floats = ((1 + x @ self._known.T) / (1 + self._space.n_genes)) ** 2
        return kernel


class ScreenedNSGA2(AssistedSearch):
    """NSGA-II in small steps: of many children those that are expected to enlarge the front.

    Parents are the best by rank and crowding of all that was evaluated; a ridge regression on main
    effects and pairs of genes, fitted anew at every step in milliseconds, tells which children are
    worth an evaluation.
    """

    def _model(self, rows: NDArray[np.intp], values: Floats) -> Model:
        return PairModel(self.space, self.genotypes[rows], values)

    def _search(self, model: Model, front: Genotypes) -> tuple[Genotypes, Floats]:
        """Returns the new ones of a pool of children, and what is expected of them."""
        parents = self.genotypes[best_rows(self.values, self.population)]
        mothers, fathers = self.random_state.integers(
            len(parents), size=(2, _POOL * self.population // 10)
        )
        couples = cross(self.space, parents[mothers], parents[fathers], self.random_state)
        children = vary(self.space, np.concatenate(couples), self.random_state, _RATE)
        children = children[~repeats(children, self.searched.evaluation.seen)]
        return children, self._expected(model, children)
