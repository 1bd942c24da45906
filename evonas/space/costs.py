"""Multiply-adds and parameters, for one architecture and as tables over a space's cells."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.space.architecture import Architecture, Layer, Level, Skeleton, head_levels
from evonas.space.blocks import Conv
from evonas.space.space import SearchSpace


def placed_convs(architecture: Architecture) -> Iterator[tuple[Conv, int]]:
    """Yields every convolution of the detector with the side of its input map."""
    yield architecture.stem_conv(), architecture.skeleton.image_size
    for layer in architecture.layers():
        yield from placed(layer.convs(), layer.size_in)
    for level in architecture.levels():
        yield from _level_convs(level)


def placed(convs: Iterable[Conv], size: int) -> Iterator[tuple[Conv, int]]:
    """Yields convolutions in sequence with the side of each one's input map."""
    for conv in convs:
        yield conv, size
        size = -(-size // conv.stride)


def madds(architecture: Architecture) -> int:
    """Multiply-adds of the whole detector for one image."""
    return sum(conv.madds(size) for conv, size in placed_convs(architecture))


def params(architecture: Architecture, batch_norm_values: int = 2) -> int:
    """Parameters of the whole detector; see `Conv.params` for the two ways to count."""
    return sum(conv.params(batch_norm_values) for conv, _ in placed_convs(architecture))


@lru_cache
def cost_tables(space: SearchSpace) -> dict[str, NDArray[np.float64]]:
    """Returns `madds` and `params` tables over the cells whose sums are the detector's costs.

    What is outside the layers depends on the stem's width or on one tapped width: it is counted
    in the first layer of the block that knows that width.
    """
    tables = {name: np.zeros(space.n_cells) for name in ("madds", "params")}
    for index, layer in space.cell_layers():
        if layer is None:
            continue
        convs = list(placed(layer.convs(), layer.size_in))
        if layer.index == 1 and layer.block == 1:
            convs.append((Conv(3, layer.c_in, kernel=3, stride=2), space.skeleton.image_size))
        if layer.index == 1 and layer.block in space.skeleton.head.taps:
            convs += _tap_convs(space.skeleton, layer)
        tables["madds"][index] = sum(conv.madds(size) for conv, size in convs)
        tables["params"][index] = sum(conv.params() for conv, _ in convs)
    for table in tables.values():
        table.flags.writeable = False  # shared by all who ask
    return tables


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
            stem = Conv(3, layer.c_in, kernel=3, stride=2)
            held.append(_maps(stem, space.skeleton.image_size))
        table[index] = max(held)
    table.flags.writeable = False
    return table


def peak_memory(space: SearchSpace, genotypes: ArrayLike) -> NDArray[np.float64]:
    """Returns (n,) bytes of the backbone's largest working set; see `memory_table`."""
    peaks: NDArray[np.float64] = memory_table(space)[space.cells(genotypes)].max(axis=1)
    return peaks


def _maps(conv: Conv, size: int) -> int:
    """Values in a convolution's input and output."""
    return conv.c_in * size**2 + conv.c_out * (-(-size // conv.stride)) ** 2


def _level_convs(level: Level) -> Iterator[tuple[Conv, int]]:
    yield from placed(level.stage, level.size_in)
    for conv in (*level.boxes, *level.classes):
        yield conv, level.size


def _tap_convs(skeleton: Skeleton, layer: Layer) -> Iterator[tuple[Conv, int]]:
    """The head's convolutions whose cost depends on the width of this layer's block."""
    taps = skeleton.head.taps
    position = taps.index(layer.block)
    levels = head_levels(skeleton, [layer.c_out] * len(taps))
    further = levels[len(taps) :] if position == len(taps) - 1 else ()
    for level in (levels[position], *further):
        yield from _level_convs(level)
