"""Multiply-adds and parameters, for one architecture and as tables over a space's cells."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evonas.space.architecture import Architecture, Layer, Level, Skeleton, head_levels
from evonas.space.blocks import Conv

COSTS = ("madds", "params")


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


def cost_tables(
    skeleton: Skeleton, layers: Sequence[Layer | None]
) -> dict[str, NDArray[np.float64]]:
    """Returns `madds` and `params` tables over the cells whose sums are the detector's costs.

    Args:
        skeleton: What all architectures of the space have in common.
        layers: (n_cells,) the layer of each cell; None for a skipped one.

    What is outside the layers depends on the stem's width or on one tapped width: it is counted
    in the first layer of the block that knows that width.
    """
    tables = {name: np.zeros(len(layers)) for name in COSTS}
    for index, layer in enumerate(layers):
        if layer is None:
            continue
        convs = list(placed(layer.convs(), layer.size_in))
        if layer.index == 1 and layer.block == 1:
            convs.append((Conv(3, layer.c_in, kernel=3, stride=2), skeleton.image_size))
        if layer.index == 1 and layer.block in skeleton.head.taps:
            convs += _tap_convs(skeleton, layer)
        tables["madds"][index] = sum(conv.madds(size) for conv, size in convs)
        tables["params"][index] = sum(conv.params() for conv, _ in convs)
    return tables


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
