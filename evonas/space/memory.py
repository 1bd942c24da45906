"""What a network asks of a device's memories, as tables over a space's cells."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.space.architecture import Architecture, Layer
from evonas.space.blocks import Conv
from evonas.space.costs import counted_convs, counted_stem, placed, placed_convs
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
        held = _held(layer)
        held += [_maps(conv, space.skeleton.image_size) for conv in counted_stem(layer)]
        table[index] = max(held)
    table.flags.writeable = False  # shared by all who ask
    return table


def peak_memory(space: SearchSpace, genotypes: ArrayLike) -> NDArray[np.float64]:
    """Returns (n,) bytes of the backbone's largest working set; see `memory_table`."""
    peaks: NDArray[np.float64] = memory_table(space)[space.cells(genotypes)].max(axis=1)
    return peaks


@lru_cache
def flash_table(space: SearchSpace) -> NDArray[np.float64]:
    """Returns (n_cells,) bytes of a cell's constants at int8; a network's flash is their sum.

    Stem and head are counted as in `evonas.space.costs`.
    """
    table = np.zeros(space.n_cells)
    for index, layer in space.cell_layers():
        if layer is not None:
            convs = counted_convs(space.skeleton, layer)
            table[index] = sum(conv.flash_bytes() for conv, _ in convs)
    table.flags.writeable = False  # shared by all who ask
    return table


def flash(space: SearchSpace, genotypes: ArrayLike) -> NDArray[np.float64]:
    """Returns (n,) bytes of the whole detector's constants at int8; see `Conv.flash_bytes`.

    `python -m scripts.report.memory` holds Vela's against it; the weights of a trained network may
    be packed smaller.
    """
    return space.sum_cells(genotypes, flash_table(space))


def memory_needs(architecture: Architecture) -> dict[str, int]:
    """Returns `peak_memory` and `flash` of one network, bytes."""
    held = [_maps(architecture.stem_conv(), architecture.skeleton.image_size)]
    for layer in architecture.layers():
        held += _held(layer)
    return {
        "peak_memory": max(held),
        "flash": sum(conv.flash_bytes() for conv, _ in placed_convs(architecture)),
    }


# Columns of a space's genotypes.
MEMORY: Mapping[str, Callable[[SearchSpace, ArrayLike], NDArray[np.float64]]] = {
    "peak_memory": peak_memory,
    "flash": flash,
}


def _held(layer: Layer) -> list[int]:
    """Bytes that each convolution of a layer needs at once."""
    waiting = layer.c_in * layer.size_in**2 if layer.residual else 0
    convs = enumerate(placed(layer.convs(), layer.size_in))
    return [_maps(conv, size) + (waiting if i else 0) for i, (conv, size) in convs]


def _maps(conv: Conv, size: int) -> int:
    """Values in a convolution's input and output."""
    return conv.c_in * size**2 + conv.values_out(size)
