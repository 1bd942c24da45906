"""Finding genotypes among many: one sorted array of 64-bit keys."""

import numpy as np
from numpy.typing import NDArray

Genotypes = NDArray[np.uint8]
Ints = NDArray[np.int64]

# Odd multipliers of splitmix64, for keys of genotypes that do not fit 64 bits.
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class GenotypeIndex:
    """Rows by genotype; equal genotypes share one row, in order of first appearance.

    Args:
        genotypes: (m, n_genes), repeats allowed.

    Attributes:
        genotypes: (n, n_genes), each once.
        row: (m,) the row of each given genotype.
    """

    def __init__(self, genotypes: Genotypes) -> None:
        keys = _keys(genotypes)
        unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        self.genotypes: Genotypes = genotypes[first[order]]
        self.row: Ints = rank[inverse]
        self._sorted, self._row_of_sorted = unique, rank
        # Two genotypes on one key: less likely than 1 in 10^7 among a million of 30 genes.
        assert (self.genotypes[self.row] == genotypes).all(), "colliding genotype keys"

    def __len__(self) -> int:
        return len(self.genotypes)

    def find(self, genotypes: Genotypes) -> Ints:
        """Returns (k,) rows of genotypes (k, n_genes), -1 for those that are not there."""
        if not len(self) or not len(genotypes):
            return np.full(len(genotypes), -1)
        keys = _keys(genotypes)
        if len(keys) < 1000:
            return self._find_sorted(keys, genotypes)
        # Sorted queries walk through the keys once instead of missing the cache at each step.
        order = np.argsort(keys)
        rows = np.empty(len(keys), np.int64)
        rows[order] = self._find_sorted(keys[order], genotypes[order])
        return rows

    def _find_sorted(self, keys: NDArray[np.uint64], genotypes: Genotypes) -> Ints:
        position = np.searchsorted(self._sorted, keys)
        position[position == len(self._sorted)] = 0
        rows = self._row_of_sorted[position]
        same = self._sorted[position] == keys
        same &= (self.genotypes[rows] == genotypes).all(axis=1)
        rows[~same] = -1
        return rows


def _keys(genotypes: Genotypes) -> NDArray[np.uint64]:
    """(n,) a 64-bit mix of each row's bytes."""
    n, n_genes = genotypes.shape
    padded = np.zeros((n, -(-n_genes // 8) * 8), np.uint8)
    padded[:, :n_genes] = genotypes
    keys = np.zeros(n, np.uint64)
    for word in padded.view("<u8").T:
        keys = (keys ^ word) * _SPREAD
        keys = (keys ^ (keys >> np.uint64(31))) * _MIX
        keys ^= keys >> np.uint64(27)
    return keys
