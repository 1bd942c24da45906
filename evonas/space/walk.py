"""The walk over a space: its decisions in order, and the places of its layers."""

import math
from dataclasses import dataclass

from evonas.space.architecture import Skeleton, map_sizes
from evonas.space.blocks import Op


@dataclass(frozen=True, slots=True)
class BlockSpace:
    """The choices of one block: its width, its first layer's op, the ops of further layers."""

    widths: tuple[int, ...]
    first: tuple[Op, ...]
    further: tuple[Op, ...] = ()
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Slot:
    """One decision of the walk. `block` and `layer` count from 1; 0 means none."""

    name: str
    choices: tuple[int | Op | None, ...]
    block: int = 0
    layer: int = 0


@dataclass(frozen=True, slots=True)
class LayerSlot:
    """A layer's place in the walk: the columns of its op and of the widths around it."""

    block: int
    layer: int
    op: int
    width_in: int
    width_out: int
    size_in: int
    first_cell: int
    shape: tuple[int, int, int]


def walk_slots(stems: tuple[int, ...], blocks: tuple[BlockSpace, ...]) -> tuple[Slot, ...]:
    """Returns all decisions in order: the stem's width, each block's width and its ops."""
    slots = [Slot("stem.width", stems)]
    for number, block in enumerate(blocks, start=1):
        slots.append(Slot(f"b{number}.width", block.widths, number))
        slots.append(Slot(f"b{number}.l1.op", block.first, number, 1))
        slots += [
            Slot(f"b{number}.l{layer}.op", (None, *block.further), number, layer)
            for layer in range(2, block.depth + 1)
        ]
    return tuple(slots)


def place_layers(slots: tuple[Slot, ...], skeleton: Skeleton) -> tuple[LayerSlot, ...]:
    """Returns the layers' places, with their cells numbered one after the other."""
    sizes = map_sizes(skeleton)
    layers, first_cell, width_in, width_out = [], 0, 0, 0
    for index, slot in enumerate(slots):
        if slot.block and not slot.layer:
            width_in, width_out = width_out, index
        if not slot.layer:
            continue
        first = slot.layer == 1
        n_in = len(slots[width_in].choices) if first else 1
        shape = (n_in, len(slots[width_out].choices), len(slot.choices))
        size = sizes[slot.block - 1] if first else sizes[slot.block]
        layers.append(
            LayerSlot(slot.block, slot.layer, index, width_in, width_out, size, first_cell, shape)
        )
        first_cell += math.prod(shape)
    return tuple(layers)
