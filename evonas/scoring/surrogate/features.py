"""An architecture as numbers, read off the space's own walk."""

from functools import lru_cache

import numpy as np

from evonas.arrays import Floats
from evonas.space import Genotypes, Layer, SearchSpace

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
    layers = _layer_features(space)[space.cells(genotypes)]
    numbers = np.array([slot.block for slot in space.layer_slots])
    columns = [layers[:, 0, -1:]]
    for block in range(1, len(space.blocks) + 1):
        sums = layers[:, numbers == block, :-1].sum(axis=1)
        depth = sums[:, 1:2]
        columns += [sums[:, :1] / depth, depth, sums[:, 2:] / depth]
    costs = [np.log(values) for values in space.costs(genotypes).values()]
    return np.column_stack([*columns, *costs])


@lru_cache(maxsize=8)
def _layer_features(space: SearchSpace) -> Floats:
    """Returns (n_cells, 10) what each layer adds to its block, 0 if skipped, and its input width.

    The input width stands last: of the first layer it is the stem's.
    """
    table = np.zeros((space.n_cells, 10))
    for index, layer in space.cell_layers():
        if layer is not None:
            table[index] = _values(layer)
    return table


def _values(layer: Layer) -> list[float]:
    op = layer.op
    kinds = [float(op.kind.startswith(kind)) for kind in _KINDS]
    ratios = [op.ratio_in, op.ratio_out]
    shape = [op.kernel, np.log(op.expansion), *ratios]
    return [np.log(layer.c_out), 1.0, *kinds, *shape, np.log(layer.c_in)]
