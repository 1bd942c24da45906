"""A Gaussian process on architectures, quick enough to be fitted anew at every step of a search."""

from functools import lru_cache

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from evonas.arrays import Floats
from evonas.space import Genotypes, Op, SearchSpace
from evonas.space.blocks import OP_KINDS

# Candidates for the squared length scale (in mean gene weights) and for the share of noise.
_SCALES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
_NOISES = (1e-6, 1e-4, 1e-2, 1e-1)
_LEAST_WEIGHT = 0.05
_RIDGE = 1e-2


class ArchitectureModel:
    """One process per column of values, of genotypes whose ops are compared by what they do.

    Args:
        space: The space.
        genotypes: (n, n_genes) what is known.
        values: (n, m).
        shape: Length scales and noises of a fit before, (m, 2), to save choosing them again.
    """

    def __init__(
        self,
        space: SearchSpace,
        genotypes: Genotypes,
        values: Floats,
        shape: Floats | None = None,
    ) -> None:
        self._space = space
        x = embed(space, genotypes)
        self._centre, self._spread = values.mean(axis=0), values.std(axis=0)
        self._spread[self._spread == 0] = 1.0
        standard = (values - self._centre) / self._spread
        columns = range(values.shape[1])
        self._weights = [_gene_weights(space, x, standard[:, column]) for column in columns]
        self._x = [x * weights for weights in self._weights]
        self.shape = (
            np.array([_likeliest(self._x[c], standard[:, c]) for c in columns])
            if shape is None
            else shape
        )
        self._factors = [
            cho_factor(_kernel(self._x[c], self._x[c], self.shape[c, 0]) + self.shape[c, 1] * eye)
            for c, eye in ((c, np.eye(len(x))) for c in columns)
        ]
        self._duals = [cho_solve(self._factors[c], standard[:, c]) for c in columns]

    def predict(self, genotypes: Genotypes) -> tuple[Floats, Floats]:
        """Returns means and standard deviations, (k, m) each."""
        x = embed(self._space, genotypes)
        means, deviations = np.empty((2, len(x), len(self._x)))
        for column, known in enumerate(self._x):
            across = _kernel(x * self._weights[column], known, self.shape[column, 0])
            means[:, column] = across @ self._duals[column]
            explained = (across * cho_solve(self._factors[column], across.T).T).sum(axis=1)
            deviations[:, column] = np.sqrt(np.maximum(1 - explained, 0))
        return means * self._spread + self._centre, deviations * self._spread


def embed(space: SearchSpace, genotypes: Genotypes) -> Floats:
    """Returns (n, n_genes * d): each gene's choice as numbers."""
    tables = _embeddings(space)
    numbers: Floats = tables[np.arange(space.n_genes), genotypes]
    return numbers.reshape(len(genotypes), space.n_genes * tables.shape[2])


@lru_cache(maxsize=8)
def _embeddings(space: SearchSpace) -> Floats:
    """(n_genes, most choices, d); the choices of a gene are up to about 1 apart."""
    tables = np.zeros((space.n_genes, int(space.gene_sizes.max()), 4 + len(OP_KINDS)))
    for gene, slot in enumerate(space.genes):
        for value, choice in enumerate(slot.choices):
            if isinstance(choice, Op):
                tables[gene, value] = _op_numbers(choice)
            elif choice is not None:
                tables[gene, value, 0] = value / (len(slot.choices) - 1)
    return tables


def _op_numbers(op: Op) -> list[float]:
    kinds = [float(op.kind == kind) for kind in OP_KINDS]
    shape = [(op.kernel - 3) / 2, np.log2(max(op.expansion, 4)) - 2, op.ratio_in, op.ratio_out]
    return [0.5 * number for number in shape] + kinds


def _gene_weights(space: SearchSpace, x: Floats, y: Floats) -> Floats:
    """Returns (d,) weights of the features: more for genes that explain more of y linearly."""
    centred = x - x.mean(axis=0)
    gram = centred.T @ centred + _RIDGE * len(x) * np.eye(x.shape[1])
    slopes = np.linalg.solve(gram, centred.T @ y)
    effects = (centred * slopes).reshape(len(x), space.n_genes, -1).sum(axis=2).std(axis=0)
    weights = np.maximum(effects / max(effects.mean(), 1e-12), _LEAST_WEIGHT)
    repeated: Floats = np.repeat(np.sqrt(weights), x.shape[1] // space.n_genes)
    return repeated


def _kernel(a: Floats, b: Floats, scale: float) -> Floats:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    kernel: Floats = np.exp(-np.maximum(squared, 0) / scale)
    return kernel


def _likeliest(x: Floats, y: Floats) -> tuple[float, float]:
    """Returns scale and noise of the largest marginal likelihood, the variance integrated out."""
    best, chosen = np.inf, (_SCALES[0], _NOISES[0])
    for scale in _SCALES:
        values, vectors = eigh(_kernel(x, x, scale))
        squared = (vectors.T @ y) ** 2
        for noise in _NOISES:
            total = np.maximum(values, 0) + noise
            loss = len(y) * np.log((squared / total).mean() + 1e-300) + np.log(total).sum()
            if loss < best:
                best, chosen = loss, (scale, noise)
    return chosen
