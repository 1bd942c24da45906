"""What a layer asks of a device, as numbers: the features of every layer of a space."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.graph.network import Node, layer_graph
from evonas.space import Genotypes, Layer, SearchSpace
from evonas.space.costs import counted_levels, counted_stem

# What a node does, as far as its cost goes.
CATEGORIES = ("pointwise", "regular", "depthwise", "other")
# Sums over the nodes of one category.
AMOUNTS = ("nodes", "madds", "padded_madds", "elements", "weights")
# Channels come in groups of this many on vector units and MAC arrays.
_LANES = 16


def category(node: Node) -> int:
    """Returns the index of a node's category."""
    if node.conv is None:
        return CATEGORIES.index("other")
    if node.conv.depthwise:
        return CATEGORIES.index("depthwise")
    return CATEGORIES.index("pointwise" if node.conv.kernel == 1 else "regular")


def amounts(node: Node) -> tuple[float, ...]:
    """Returns a node's `AMOUNTS`; elements are those read and written, weights are values."""
    written = node.size**2 * node.channels
    if node.conv is None:
        read = len(node.inputs) * node.size_in**2 * node.channels
        return (1.0, 0.0, 0.0, float(read + written), 0.0)
    conv = node.conv
    taps = conv.kernel**2
    inputs = 1 if conv.depthwise else conv.c_in
    padded = (1 if conv.depthwise else _padded(conv.c_in)) * _padded(conv.c_out)
    read = node.size_in**2 * conv.c_in
    return (
        1.0,
        float(node.size**2 * taps * inputs * conv.c_out),
        float(node.size**2 * taps * padded),
        float(read + written),
        float(taps * inputs * conv.c_out),
    )


def cell_nodes(space: SearchSpace, layer: Layer) -> Iterator[Node]:
    """Yields all operations counted in a layer's cell, those outside the layers included.

    Stem and head are counted as in `evonas.space.costs`.
    """
    swish = space.skeleton.activation == "h_swish"
    graph = layer_graph(layer.convs(), layer.size_in, residual=layer.residual, h_swish=swish)
    yield from graph.nodes
    yield from layer_graph(counted_stem(layer), space.skeleton.image_size, h_swish=swish).nodes
    for level in counted_levels(space.skeleton, layer):
        for convs, size in (
            (level.stage, level.size_in),
            (level.boxes, level.size),
            (level.classes, level.size),
        ):
            yield from layer_graph(convs, size).nodes


@dataclass(frozen=True, eq=False)
class LayerKinds:
    """The distinct layers of a space: cells that are alike but for their index are one.

    Attributes:
        of_cell: (n_cells,) number of a cell's layer, -1 for a skipped one.
        layers: A layer of each number.
        amounts: (n_layers, n_amounts) what each asks of a device, what is counted with it
            included (see `cell_nodes`), scaled to a largest value of 1.
    """

    of_cell: NDArray[np.intp]
    layers: tuple[Layer, ...]
    amounts: Floats

    def numbers(self, space: SearchSpace, genotypes: Genotypes) -> NDArray[np.intp]:
        """Returns (n, n_layer_slots) numbers of the networks' layers, -1 for skipped ones."""
        found: NDArray[np.intp] = self.of_cell[space.cells(genotypes)]
        return found

    def by_layer(self, table: Floats) -> Floats:
        """Returns (n_layers,) the entries of a table over the cells."""
        times = np.zeros(len(self.layers))
        kept = self.of_cell >= 0
        times[self.of_cell[kept]] = table[kept]
        return times


@lru_cache(maxsize=8)
def layer_kinds(space: SearchSpace) -> LayerKinds:
    """Returns the distinct layers of a space."""
    numbers: dict[tuple[object, ...], int] = {}
    of_cell = np.full(space.n_cells, -1)
    layers: list[Layer] = []
    for index, layer in space.cell_layers():
        if layer is None:
            continue
        key = (layer.block, layer.index == 1, layer.op, layer.c_in, layer.c_out)
        if key not in numbers:
            numbers[key] = len(layers)
            layers.append(layer)
        of_cell[index] = numbers[key]
    table = np.zeros((len(layers), len(CATEGORIES), len(AMOUNTS)))
    for number, layer in enumerate(layers):
        for node in cell_nodes(space, layer):
            table[number, category(node)] += amounts(node)
    flat = table.reshape(len(layers), -1)
    largest = flat.max(axis=0)
    return LayerKinds(of_cell, tuple(layers), flat[:, largest > 0] / largest[largest > 0])


def _padded(channels: int) -> int:
    return -(-channels // _LANES) * _LANES
