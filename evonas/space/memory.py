"""Peak memory of a network, as a table over a space's cells."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.space.architecture import stem_conv
from evonas.space.blocks import Conv
from evonas.space.costs import placed
from evonas.space.space import SearchSpace


@lru_cache
def memory_table(space: SearchSpace) -> NDArray[np.float64]:
    """Returns (n_cells,) bytes at int8 that a layer needs at once; a network's peak is the largest.

    A convolution holds its input and its output, in a residual layer the layer's input too until
    it is added. The stem counts with the first layer; the head, which is small, not at all.
    """
    table = np.zeros(space.n_cells)
    for index, layer in space.cell_layers():
        if layer is None:
            continue
        convs = list(placed(layer.convs(), layer.size_in))
        waiting = layer.c_in * layer.size_in**2 if layer.residual else 0
        held = [_maps(conv, size) + (waiting if i else 0) for i, (conv, size) in enumerate(convs)]
        if layer.index == 1 and layer.block == 1:
            held.append(_maps(stem_conv(layer.c_in), space.skeleton.image_size))
        table[index] = max(held)
    table.flags.writeable = False  # shared by all who ask
    return table


def peak_memory(space: SearchSpace, genotypes: ArrayLike) -> NDArray[np.float64]:
    """Returns (n,) bytes of the backbone's largest working set; see `memory_table`."""
    peaks: NDArray[np.float64] = memory_table(space)[space.cells(genotypes)].max(axis=1)
    return peaks


def _maps(conv: Conv, size: int) -> int:
    """Values in a convolution's input and output."""
    return conv.c_in * size**2 + conv.c_out * (-(-size // conv.stride)) ** 2
