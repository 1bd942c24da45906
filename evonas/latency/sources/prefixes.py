"""Networks cut short, so that a compiler is asked about their first blocks alone.

A compiler decides what stays on chip from a layer's neighbours, and most of its time goes into the
heavy late layers and the head. Cut after the first layer of a block, a network compiles in a tenth
of the time, and the times of the blocks before the cut are those of the whole network.
"""

import math

from evonas.graph.network import Graph, detector_graph
from evonas.graph.tflite import write_graph
from evonas.latency.sources.ethos import EthosSource
from evonas.latency.sources.measurement import Measurement, part_of
from evonas.space import Architecture


class PrefixSource:
    """Compiles networks up to the first layer of a block.

    Args:
        source: The compiler.
        block: Number of the block, from 2, in whose first layer the networks end.
    """

    def __init__(self, source: EthosSource, block: int) -> None:
        self.source = source
        self.block = block
        self.versions = source.versions

    def measure(self, architecture: Architecture) -> Measurement:
        """Returns the parts' times before the block; NaN for the network's and the other parts'."""
        graph = prefix_graph(architecture, self.block)
        measured = self.source.compile(write_graph(graph, "int8")).parts_ms
        whole = {part_of(node.name): math.nan for node in detector_graph(architecture).nodes}
        known = {part: ms for part, ms in measured.items() if _block(part) < self.block}
        return Measurement(math.nan, parts_ms={**whole, **known})


def prefix_graph(architecture: Architecture, block: int) -> Graph:
    """Returns the operations of a network up to the first layer of a block."""
    graph = detector_graph(architecture)
    nodes = tuple(
        node
        for node in graph.nodes
        if _block(node.name) < block or part_of(node.name) == f"b{block}.l1"
    )
    return Graph(graph.image_size, nodes, (nodes[-1].name,))


def _block(name: str) -> float:
    """The block that a node or part belongs to: 0 for the stem, none that is counted for the head.

    >>> _block("stem"), _block("b2.l1.0"), _block("head0.stage")
    (0, 2, inf)
    """
    first = part_of(name).partition(".")[0]
    if first == "stem":
        return 0
    return int(first[1:]) if first.startswith("b") else math.inf
