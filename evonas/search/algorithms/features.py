"""Genotypes as numbers, and how alike two of them are, for the models fitted during a run."""

from functools import lru_cache

import numpy as np

from evonas.arrays import Floats
from evonas.space import Genotypes, Op, SearchSpace
from evonas.space.blocks import OP_KINDS


def one_hot(space: SearchSpace, genotypes: Genotypes) -> Floats:
    """Returns (n, sum of gene sizes): a 1 for each choice that is made."""
    starts = np.cumsum(space.gene_sizes) - space.gene_sizes
    columns = np.zeros((len(genotypes), int(space.gene_sizes.sum())))
    columns[np.arange(len(genotypes))[:, None], starts + genotypes] = 1.0
    return columns


def embed(space: SearchSpace, genotypes: Genotypes) -> Floats:
    """Returns (n, n_genes * d): each gene's choice as numbers, ops by what they do."""
    tables = _embeddings(space)
    numbers: Floats = tables[np.arange(space.n_genes), genotypes]
    return numbers.reshape(len(genotypes), space.n_genes * tables.shape[2])


def genes_and_pairs(equal: Floats, share: float) -> Floats:
    """Returns the kernel of a sum of main effects and of pairs of genes.

    Args:
        equal: (k, n) in which share of their genes two genotypes agree.
        share: Of pairs.
    """
    kernel: Floats = (1 - share) * equal + share * equal**2
    return kernel


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
