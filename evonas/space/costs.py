"""Multiply-adds and parameters, for one architecture and as tables over a space's cells."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evonas.space.architecture import (
    Architecture,
    Layer,
    Level,
    Skeleton,
    head_levels,
    stem_conv,
)
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


def counted_stem(layer: Layer) -> tuple[Conv, ...]:
    """Returns the stem's convolution where a layer's cell counts it: the first, which reads it."""
    return (stem_conv(layer.c_in),) if layer.index == 1 and layer.block == 1 else ()


def counted_levels(skeleton: Skeleton, layer: Layer) -> tuple[Level, ...]:
    """Returns the levels of the head that a layer's cell counts.

    They are those that depend on the width of its block, which the block's first layer knows.
    """
    taps = skeleton.head.taps
    if layer.index > 1 or layer.block not in taps:
        return ()
    position = taps.index(layer.block)
    levels = head_levels(skeleton, [layer.c_out] * len(taps))
    further = levels[len(taps) :] if position == len(taps) - 1 else ()
    return (levels[position], *further)


def counted_convs(skeleton: Skeleton, layer: Layer) -> list[tuple[Conv, int]]:
    """Returns the convolutions that a layer's cell counts with the side of each one's input."""
    convs = list(placed(layer.convs(), layer.size_in))
    convs += [(conv, skeleton.image_size) for conv in counted_stem(layer)]
    for level in counted_levels(skeleton, layer):
        convs += _level_convs(level)
    return convs


def cost_tables(
    skeleton: Skeleton, layers: Sequence[Layer | None]
) -> dict[str, NDArray[np.float64]]:
    """Returns `madds` and `params` tables over the cells whose sums are the detector's costs.

    Args:
        skeleton: What all architectures of the space have in common.
        layers: (n_cells,) the layer of each cell; None for a skipped one.

    What is outside the layers is counted in one of them: `counted_stem`, `counted_levels`.
    """
    tables = {name: np.zeros(len(layers)) for name in COSTS}
    for index, layer in enumerate(layers):
        if layer is None:
            continue
        convs = counted_convs(skeleton, layer)
        tables["madds"][index] = sum(conv.madds(size) for conv, size in convs)
        tables["params"][index] = sum(conv.params() for conv, _ in convs)
    for table in tables.values():
        table.flags.writeable = False  # shared by all who ask
    return tables


def _level_convs(level: Level) -> Iterator[tuple[Conv, int]]:
    yield from placed(level.stage, level.size_in)
    for conv in (*level.boxes, *level.classes):
        yield conv, level.size
