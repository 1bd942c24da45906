"""Architectures as TFLite files.

NHWC, SAME padding, no transposition anywhere; one box map and one class map per level, which are
outputs of convolutions and cost an accelerator nothing to join. The same architecture gives the
same bytes.
"""

from collections.abc import Mapping
from typing import Literal

from evonas.graph.network import Graph, detector_graph
from evonas.graph.quantise import activation_scales
from evonas.graph.tflite_writer import TFLiteWriter
from evonas.graph.weights import WeightSource, random_weights
from evonas.space import Architecture

Precision = Literal["fp32", "int8"]


def write_tflite(
    architecture: Architecture,
    precision: Precision = "fp32",
    weights: WeightSource | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> bytes:
    """Writes the whole detector, from the image to the maps of boxes and classes.

    Args:
        architecture: Any architecture of any space.
        precision: `fp32` or `int8` (inputs and outputs are int8 too).
        weights: Weights of each convolution, batch norm folded in; seeded random ones if None.
        ranges: For int8, smallest and largest value by tensor name (`Node.name`); assumed ones
            where missing.

    Raises:
        MissingPackageError: LiteRT is not installed.
    """
    return write_graph(detector_graph(architecture), precision, weights, ranges)


def write_graph(
    graph: Graph,
    precision: Precision = "fp32",
    weights: WeightSource | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> bytes:
    """Writes a graph; see `write_tflite`."""
    scales = activation_scales(graph, ranges) if precision == "int8" else None
    writer = TFLiteWriter(scales, weights or random_weights())
    writer.image(graph)
    writer.network(graph)
    return writer.finish(graph.outputs)
