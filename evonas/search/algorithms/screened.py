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

# Penalty on standardised values in the dual, and what pairs may weigh.
_PENALTY = 1e-3
_SHARES = (0.0, 0.1, 0.5)
# Children made for each that is evaluated.
_POOL = 60
_RATE = 1.0


class PairModel:
    """Ridge regression on main effects and pairs of genes, in its dual form.

    How much pairs count is chosen for each column by the exact leave-one-out error.

    Args:
        space: The space.
        genotypes: (n, n_genes) what is known.
        values: (n, m).
    """

    def __init__(self, space: SearchSpace, genotypes: Genotypes, values: Floats) -> None:
        self._space = space
        self._known = one_hot(space, genotypes)
        self._centre, spread = values.mean(axis=0), values.std(axis=0)
        spread[spread == 0] = 1.0
        standard = (values - self._centre) / spread
        equal = self._equal(self._known)
        inverses = [
            np.linalg.inv(_kernel(equal, share) + _PENALTY * np.eye(len(values)))
            for share in _SHARES
        ]
        duals = np.stack([inverse @ standard for inverse in inverses])
        left_out = np.stack([d / np.diag(i)[:, None] for d, i in zip(duals, inverses, strict=True)])
        self._share = (left_out**2).sum(axis=1).argmin(axis=0)
        self._duals: Floats = duals[self._share, :, np.arange(values.shape[1])].T * spread

    def predict(self, genotypes: Genotypes) -> tuple[Floats, Floats]:
        """Returns means and standard deviations of zero, (k, m) each."""
        equal = self._equal(one_hot(self._space, genotypes))
        means = np.empty((len(genotypes), self._duals.shape[1]))
        for number, share in enumerate(_SHARES):
            columns = self._share == number
            means[:, columns] = _kernel(equal, share) @ self._duals[:, columns]
        return means + self._centre, np.zeros_like(means)

    def _equal(self, x: Floats) -> Floats:
        """Returns the share of genes in which (k, d) and what is known are equal, (k, n)."""
        equal: Floats = x @ self._known.T / self._space.n_genes
        return equal


def _kernel(equal: Floats, share: float) -> Floats:
    """Main effects, and pairs with a share of the weight."""
    kernel: Floats = (1 - share) * equal + share * equal**2
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
