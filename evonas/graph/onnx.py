"""Architectures as ONNX files, for runtimes other than LiteRT. NCHW, float32."""

from typing import Any

import numpy as np

from evonas.errors import MissingPackageError
from evonas.graph.network import IMAGE, Graph, Node, detector_graph
from evonas.graph.weights import WeightSource, random_weights
from evonas.space import Architecture

_OPSET = 17
_IR_VERSION = 8


def write_onnx(architecture: Architecture, weights: WeightSource | None = None) -> bytes:
    """Writes the whole detector, from the image to the maps of boxes and classes.

    Args:
        architecture: Any architecture of any space.
        weights: Weights of each convolution, batch norm folded in; seeded random ones if None.

    Raises:
        MissingPackageError: onnx is not installed.
    """
    return write_onnx_graph(detector_graph(architecture), weights)


def write_onnx_graph(graph: Graph, weights: WeightSource | None = None) -> bytes:
    """Writes a graph; see `write_onnx`."""
    try:
        import onnx
    except ImportError:
        raise MissingPackageError("onnx", "devices") from None
    source = weights or random_weights()
    channels = next(node.conv.c_in for node in graph.nodes if node.conv is not None)
    constants = [
        onnx.numpy_helper.from_array(np.array(value, np.float32), name)
        for name, value in (("zero", 0), ("six", 6))
    ]
    operations: list[Any] = []
    shapes = {IMAGE: (channels, graph.image_size)}
    for node in graph.nodes:
        shapes[node.name] = (node.channels, node.size)
        operations += _operations(onnx, node)
        if node.conv is not None:
            constants += _constants(onnx, node, source)

    def value(name: str) -> Any:
        c, size = shapes[name]
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, c, size, size))

    outputs = [value(name) for name in graph.outputs]
    body = onnx.helper.make_graph(operations, "main", [value(IMAGE)], outputs, constants)
    opsets = [onnx.helper.make_opsetid("", _OPSET)]
    model = onnx.helper.make_model(body, opset_imports=opsets, ir_version=_IR_VERSION)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _operations(onnx: Any, node: Node) -> list[Any]:
    make = onnx.helper.make_node
    match node.kind:
        case "conv":
            assert node.conv is not None
            raw = f"{node.name}.raw" if node.relu6 else node.name
            convolution = make(
                "Conv",
                [node.inputs[0], f"{node.name}.kernel", f"{node.name}.bias"],
                [raw],
                kernel_shape=[node.conv.kernel] * 2,
                strides=[node.conv.stride] * 2,
                group=node.conv.c_out if node.conv.depthwise else 1,
                auto_pad="SAME_UPPER",
            )
            clip = [make("Clip", [raw, "zero", "six"], [node.name])] if node.relu6 else []
            return [convolution, *clip]
        case "mean":
            return [make("GlobalAveragePool", list(node.inputs), [node.name])]
        case kind:
            operator = {
                "add": "Add",
                "mul": "Mul",
                "logistic": "Sigmoid",
                "hard_swish": "HardSwish",
            }[kind]
            return [make(operator, list(node.inputs), [node.name])]


def _constants(onnx: Any, node: Node, source: WeightSource) -> list[Any]:
    assert node.conv is not None
    weights = source(node)
    # (c_out, k, k, c_in) or (1, k, k, c_out) -> (c_out, c_in or 1, k, k)
    axes = (3, 0, 1, 2) if node.conv.depthwise else (0, 3, 1, 2)
    kernel = np.ascontiguousarray(weights.kernel.transpose(axes))
    return [
        onnx.numpy_helper.from_array(kernel, f"{node.name}.kernel"),
        onnx.numpy_helper.from_array(weights.bias, f"{node.name}.bias"),
    ]
