"""Additive baseline: ridge regression on one-hot genes proposes what is worth a score."""

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.search.algorithms.assisted import AssistedSearch
from evonas.search.algorithms.features import one_hot
from evonas.space import Genotypes, SearchSpace

# Penalty on the slopes of standardised values, per choice of a gene.
_PENALTY = 1e-2


class RidgeModel:
    """A sum over genes for each column of values; it knows no interaction.

    Args:
        space: The space.
        genotypes: (n, n_genes) what is known.
        values: (n, m).
    """

    def __init__(self, space: SearchSpace, genotypes: Genotypes, values: Floats) -> None:
        self._space = space
        self._centre = values.mean(axis=0)
        x = one_hot(space, genotypes)
        self._mean = x.mean(axis=0)
        x = x - self._mean
        gram = x.T @ x + _PENALTY * np.eye(x.shape[1])
        self._slopes: Floats = np.linalg.solve(gram, x.T @ (values - self._centre))

    def predict(self, genotypes: Genotypes) -> Floats:
        """Returns means (k, m)."""
        centred = one_hot(self._space, genotypes) - self._mean
        means: Floats = centred @ self._slopes + self._centre
        return means

    hoped = predict


class RidgeSearch(AssistedSearch):
    """As `assisted`, with a model that is additive over genes: what a benchmark must not be."""

    def _model(self, rows: NDArray[np.intp], values: Floats) -> RidgeModel:
        return RidgeModel(self.space, self.genotypes[rows], values)
