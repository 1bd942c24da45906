"""NSGA-II whose children are screened: the successor of `nsga2` where an evaluation is dear."""

from itertools import product

import numpy as np

from evonas.arrays import Floats
from evonas.search.algorithms.assisted import AssistedSearch
from evonas.search.algorithms.features import genes_and_pairs, one_hot
from evonas.space import Genotypes, SearchSpace

# How much pairs may weigh, and penalties on standardised values in the dual: more with noise.
_SHARES = (0.0, 0.1, 0.5)
_PENALTIES = (1e-3, 3e-2, 3e-1)


class PairModel:
    """Ridge regression on main effects and pairs of genes, in its dual form.

    How much pairs count and what the penalty is are chosen for each column by the exact
    leave-one-out error.

    Args:
        space: The space.
        genotypes: (n, n_genes) what is known.
        values: (n, m).
        shape: (m, 2) shares of pairs and penalties of a fit before, to save choosing them again.
    """

    def __init__(
        self,
        space: SearchSpace,
        genotypes: Genotypes,
        values: Floats,
        shape: Floats | None = None,
    ) -> None:
        self._space = space
        self._known = one_hot(space, genotypes)
        self._centre, spread = values.mean(axis=0), values.std(axis=0)
        spread[spread == 0] = 1.0
        standard = (values - self._centre) / spread
        equal = self._equal(self._known)
        self.shape = _best_shape(equal, standard) if shape is None else shape
        self._duals = np.empty_like(standard)
        for share, penalty in np.unique(self.shape, axis=0):
            columns = (self.shape == (share, penalty)).all(axis=1)
            kernel = genes_and_pairs(equal, share) + penalty * np.eye(len(values))
            self._duals[:, columns] = np.linalg.solve(kernel, standard[:, columns])
        self._duals *= spread

    def predict(self, genotypes: Genotypes) -> Floats:
        """Returns means (k, m)."""
        equal = self._equal(one_hot(self._space, genotypes))
        means: Floats = np.empty((len(genotypes), self._duals.shape[1]))
        for share in np.unique(self.shape[:, 0]):
            columns = self.shape[:, 0] == share
            means[:, columns] = genes_and_pairs(equal, share) @ self._duals[:, columns]
        means += self._centre
        return means

    hoped = predict

    def _equal(self, x: Floats) -> Floats:
        """Returns the share of genes in which (k, d) and what is known are equal, (k, n)."""
        equal: Floats = x @ self._known.T / self._space.n_genes
        return equal


def _best_shape(equal: Floats, standard: Floats) -> Floats:
    """Returns (m, 2) share and penalty of the least leave-one-out error of each column."""
    shapes = np.array(list(product(_SHARES, _PENALTIES)))
    errors = []
    for share, penalty in shapes:
        inverse = np.linalg.inv(genes_and_pairs(equal, share) + penalty * np.eye(len(equal)))
        errors.append(((inverse @ standard / np.diag(inverse)[:, None]) ** 2).sum(axis=0))
    best: Floats = shapes[np.argmin(errors, axis=0)]
    return best


class ScreenedNSGA2(AssistedSearch):
    """NSGA-II in small steps, whose children are screened by generations on a cheap model.

    The model is a ridge regression on main effects and pairs of genes, fitted anew at every step
    in milliseconds.
    """

    kind = PairModel
