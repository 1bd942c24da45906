"""An architecture as numbers, read off the space's own walk."""

import numpy as np
from numpy.typing import NDArray

from evonas.space import Architecture, Block, Genotypes, SearchSpace

Floats = NDArray[np.float64]

_KINDS = ("ibn", "fused", "tucker")


def feature_names(space: SearchSpace) -> tuple[str, ...]:
    """Returns the names of the features, in order."""
    per_block = ("width", "depth", *_KINDS, "kernel", "expansion", "rank_in", "rank_out")
    blocks = range(1, len(space.blocks) + 1)
    return (
        "stem.width",
        *(f"b{number}.{name}" for number in blocks for name in per_block),
        "madds",
        "params",
    )


def surrogate_features(space: SearchSpace, genotypes: Genotypes) -> Floats:
    """Returns (n, n_features): widths and depths of the blocks, what their ops are, costs.

    Ops are averaged over a block's layers: the share of each kind, the kernel's side, the
    logarithm of the expansion, the Tucker ranks' ratios. Few features, for there are few trained
    networks. Widths and costs are logarithms.
    """
    rows = [_row(space.decode(genotype)) for genotype in genotypes]
    shape = (len(genotypes), len(feature_names(space)) - 2)
    costs = [np.log(values) for values in space.costs(genotypes).values()]
    return np.column_stack([np.array(rows, np.float64).reshape(shape), *costs])


def _row(architecture: Architecture) -> list[float]:
    blocks = [value for block in architecture.blocks for value in _block_values(block)]
    return [np.log(architecture.stem), *blocks]


def _block_values(block: Block) -> list[float]:
    ops, n = block.ops, len(block.ops)
    shares = [sum(op.kind.startswith(kind) for op in ops) / n for kind in _KINDS]
    return [
        np.log(block.width),
        float(n),
        *shares,
        sum(op.kernel for op in ops) / n,
        sum(np.log(op.expansion) for op in ops) / n,
        sum(op.ratio_in for op in ops) / n,
        sum(op.ratio_out for op in ops) / n,
    ]
