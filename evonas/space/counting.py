"""How many networks a space has, in which ops that mean the same network count once."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evonas.space.architecture import Layer
from evonas.space.walk import BlockSpace, LayerSlot


def op_aliases(slots: Sequence[LayerSlot], layers: Sequence[Layer | None]) -> NDArray[np.uint8]:
    """Returns (n_cells,) for each cell the first op of its slot with the same convolutions.

    Args:
        slots: The layers' slots.
        layers: Of each cell, None where it is skipped.
    """
    aliases = np.zeros(len(layers), np.uint8)
    for slot in slots:
        ops = slot.shape[2]
        for start in range(slot.first_cell, slot.first_cell + math.prod(slot.shape), ops):
            seen: dict[object, int] = {}
            for k, layer in enumerate(layers[start : start + ops]):
                aliases[start + k] = seen.setdefault(layer.convs() if layer else None, k)
    return aliases


def count_networks(
    stems: int,
    blocks: Sequence[BlockSpace],
    slots: Sequence[LayerSlot],
    aliases: NDArray[np.uint8],
) -> int:
    """Counts networks by a walk over blocks that remembers how many end in each width.

    Args:
        stems: Number of stem widths.
        blocks: Choices per block.
        slots: The layers' slots.
        aliases: Of `op_aliases`.
    """
    counts = [1] * stems
    for number, block in enumerate(blocks, start=1):
        first, *further = (slot for slot in slots if slot.block == number)
        ending = []
        for j in range(len(block.widths)):
            rest = 1
            if further:
                ops = _distinct(aliases, further[0], 0, j) - 1
                rest = sum(ops**depth for depth in range(len(further) + 1))
            starts = sum(n * _distinct(aliases, first, i, j) for i, n in enumerate(counts))
            ending.append(starts * rest)
        counts = ending
    return sum(counts)


def _distinct(aliases: NDArray[np.uint8], slot: LayerSlot, i: int, j: int) -> int:
    """Number of distinct ops of a layer slot between two widths, skip included."""
    start = slot.first_cell + (i * slot.shape[1] + j) * slot.shape[2]
    return len(np.unique(aliases[start : start + slot.shape[2]]))
