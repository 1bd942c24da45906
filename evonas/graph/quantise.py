"""Int8 numbers of a graph: TFLite's scheme, symmetric per channel for weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.graph.network import IMAGE, Graph, Node
from evonas.graph.weights import ConvWeights

# Value ranges assumed where none are given; they do not change a network's time.
_LINEAR = (-6.0, 6.0)
_RELU6 = (0.0, 6.0)
_SWISH = (-0.375, 6.0)

# Of an int32 bias: as much again is left to the sum that is added to it.
_LARGEST_BIAS = 1 << 30


@dataclass(frozen=True, slots=True)
class Scale:
    """real = scale * (integer - zero_point)."""

    scale: float
    zero_point: int


# Of the image, -1 to 1: as TensorFlow's converter has it. A camera's byte b is the integer b - 128,
# and no byte is rounded; what it stands for is half a step above b / 127.5 - 1.
CAMERA = Scale(1 / 127.5, -1)

# TFLite fixes what a logistic function makes.
_LOGISTIC = Scale(1 / 256, -128)


def activation_scales(
    graph: Graph, ranges: Mapping[str, tuple[float, float]] | None = None
) -> dict[str, Scale]:
    """Returns the int8 scale of every tensor a graph makes, and of the image.

    Args:
        graph: The graph.
        ranges: Smallest and largest value by tensor name, from a calibration; those missing are
            assumed. The image's scale is always `CAMERA`.
    """
    ranges = ranges or {}
    scales = {IMAGE: CAMERA}
    for node in graph.nodes:
        if node.kind == "logistic":
            scales[node.name] = _LOGISTIC
        elif node.kind == "mean":
            scales[node.name] = scales[node.inputs[0]]
        else:
            scales[node.name] = _affine(*ranges.get(node.name, _assumed(node)))
    return scales


def quantise_weights(
    weights: ConvWeights, depthwise: bool, input_scale: float
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.int32]]:
    """Returns int8 kernel, its scale per output channel, and the int32 bias.

    A channel with next to no kernel, as training leaves them, keeps its bias: its scale is one that
    the bias fits into.
    """
    kernel = weights.kernel
    axes = (0, 1, 2) if depthwise else (1, 2, 3)
    largest = np.maximum(np.abs(kernel).max(axes, keepdims=True), np.float32(1e-8))
    least = np.abs(weights.bias) * np.float32(127 / (_LARGEST_BIAS * input_scale))
    largest = np.maximum(largest, least.reshape((1, 1, 1, -1) if depthwise else (-1, 1, 1, 1)))
    integers = np.rint(kernel * (np.float32(127) / largest)).astype(np.int8)
    scale = (largest / np.float32(127)).reshape(-1)
    bias = np.rint(weights.bias.astype(np.float64) / (scale * input_scale))
    return integers, scale, bias.astype(np.int32)


def _assumed(node: Node) -> tuple[float, float]:
    if node.kind == "hard_swish":
        return _SWISH
    return _RELU6 if node.relu6 else _LINEAR


def _affine(low: float, high: float) -> Scale:
    """The range is widened to hold zero, which int8 must represent exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, 1e-8) / 255
    return Scale(scale, int(np.clip(round(-128 - low / scale), -128, 127)))
