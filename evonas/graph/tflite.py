"""Architectures as TFLite files, written directly with the schema that LiteRT ships.

NHWC, SAME padding, no transposition anywhere; one box map and one class map per level, which are
outputs of convolutions and cost an accelerator nothing to join. The same architecture gives the
same bytes.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evonas.errors import MissingPackageError
from evonas.graph.network import IMAGE, Graph, Node, detector_graph
from evonas.graph.quantise import Scale, activation_scales, quantise_weights
from evonas.graph.weights import WeightSource, kernel_shape, random_weights
from evonas.space import Architecture

Precision = Literal["fp32", "int8"]

# Operator versions: int8 kernels, per-channel scales and so on came with later versions of each.
_VERSIONS = {
    "CONV_2D": (1, 3),
    "DEPTHWISE_CONV_2D": (1, 3),
    "ADD": (1, 2),
    "MUL": (1, 2),
    "MEAN": (1, 2),
    "LOGISTIC": (1, 2),
    "HARD_SWISH": (1, 1),
}


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
    writer = _Writer(_schema(), scales, weights or random_weights())
    channels = next(n.conv.c_in for n in graph.nodes if n.conv is not None)
    writer.activation(IMAGE, graph.image_size, channels)
    for node in graph.nodes:
        writer.activation(node.name, node.size, node.channels)
        writer.node(node)
    return writer.finish(graph.outputs)


def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError:
        raise MissingPackageError("ai-edge-litert", "devices") from None
    return schema_py_generated


class _Writer:
    """Collects tensors, buffers and operators in order of first use."""

    def __init__(self, schema: Any, scales: dict[str, Scale] | None, source: WeightSource) -> None:
        self._schema = schema
        self._scales = scales
        self._source = source
        self._buffers = [schema.BufferT()]  # by convention the first one is empty
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: dict[str, int] = {}
        self._index: dict[str, int] = {}

    def activation(self, name: str, size: int, channels: int) -> None:
        """Adds a tensor without contents."""
        kind = "INT8" if self._scales else "FLOAT32"
        quantisation = None
        if self._scales:
            scale = self._scales[name]
            quantisation = self._quantisation([scale.scale], [scale.zero_point])
        self._tensor(name, (1, size, size, channels), kind, quantisation)

    def node(self, node: Node) -> None:
        """Adds an operator; its output tensor must have been added."""
        s = self._schema
        inputs = [self._index[name] for name in node.inputs]
        match node.kind:
            case "conv":
                self._convolution(node, inputs)
            case "add":
                self._operator("ADD", inputs, node, s.AddOptionsT(), "AddOptions")
            case "mul":
                self._operator("MUL", inputs, node, s.MulOptionsT(), "MulOptions")
            case "mean":
                axes = self._constant(f"{node.name}.axes", np.array([1, 2], np.int32), "INT32")
                options = s.ReducerOptionsT(keepDims=True)
                self._operator("MEAN", [*inputs, axes], node, options, "ReducerOptions")
            case "logistic":
                self._operator("LOGISTIC", inputs, node)
            case "hard_swish":
                self._operator(
                    "HARD_SWISH", inputs, node, s.HardSwishOptionsT(), "HardSwishOptions"
                )

    def finish(self, outputs: tuple[str, ...]) -> bytes:
        """Returns the file."""
        import flatbuffers

        s = self._schema
        graph = s.SubGraphT(
            tensors=self._tensors,
            inputs=[self._index[IMAGE]],
            outputs=[self._index[name] for name in outputs],
            operators=self._operators,
            name="main",
        )
        model = s.ModelT(
            version=3,
            operatorCodes=[self._code(name) for name in self._codes],
            subgraphs=[graph],
            description="evonas",
            buffers=self._buffers,
        )
        contents = sum(len(b.data) for b in self._buffers if b.data is not None)
        builder = flatbuffers.Builder(contents + (1 << 18))
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _convolution(self, node: Node, inputs: list[int]) -> None:
        s, conv = self._schema, node.conv
        assert conv is not None
        common = {
            "padding": s.Padding.SAME,
            "strideW": conv.stride,
            "strideH": conv.stride,
            "dilationWFactor": 1,
            "dilationHFactor": 1,
            "fusedActivationFunction": (
                s.ActivationFunctionType.RELU6 if node.relu6 else s.ActivationFunctionType.NONE
            ),
        }
        inputs = [*inputs, *self._weights(node)]
        if conv.depthwise:
            options = s.DepthwiseConv2DOptionsT(depthMultiplier=1, **common)
            self._operator("DEPTHWISE_CONV_2D", inputs, node, options, "DepthwiseConv2DOptions")
        else:
            self._operator("CONV_2D", inputs, node, s.Conv2DOptionsT(**common), "Conv2DOptions")

    def _weights(self, node: Node) -> tuple[int, int]:
        """Adds kernel and bias; returns their tensors."""
        assert node.conv is not None
        weights, depthwise = self._source(node), node.conv.depthwise
        assert weights.kernel.shape == kernel_shape(node), node.name
        kernel, bias = f"{node.name}.kernel", f"{node.name}.bias"
        if self._scales is None:
            return (
                self._constant(kernel, weights.kernel, "FLOAT32"),
                self._constant(bias, weights.bias, "FLOAT32"),
            )
        input_scale = self._scales[node.inputs[0]].scale
        values, scale, offsets = quantise_weights(weights, depthwise, input_scale)
        zeros = np.zeros(len(scale), np.int64)
        axis = 3 if depthwise else 0
        return (
            self._constant(kernel, values, "INT8", self._quantisation(scale, zeros, axis)),
            self._constant(bias, offsets, "INT32", self._quantisation(scale * input_scale, zeros)),
        )

    def _constant(
        self, name: str, values: NDArray[Any], kind: str, quantisation: Any = None
    ) -> int:
        data = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        self._buffers.append(self._schema.BufferT(data=data))
        return self._tensor(name, values.shape, kind, quantisation, len(self._buffers) - 1)

    def _tensor(
        self, name: str, shape: tuple[int, ...], kind: str, quantisation: Any, buffer: int = 0
    ) -> int:
        assert name not in self._index, name
        self._tensors.append(
            self._schema.TensorT(
                shape=list(shape),
                type=getattr(self._schema.TensorType, kind),
                buffer=buffer,
                name=name,
                quantization=quantisation,
                hasRank=True,
            )
        )
        self._index[name] = len(self._tensors) - 1
        return self._index[name]

    def _quantisation(self, scale: Any, zero_point: Any, axis: int = 0) -> Any:
        return self._schema.QuantizationParametersT(
            scale=np.asarray(scale, np.float32),
            zeroPoint=np.asarray(zero_point, np.int64),
            quantizedDimension=axis,
        )

    def _operator(
        self, code: str, inputs: list[int], node: Node, options: Any = None, kind: str = "NONE"
    ) -> None:
        self._operators.append(
            self._schema.OperatorT(
                opcodeIndex=self._codes.setdefault(code, len(self._codes)),
                inputs=inputs,
                outputs=[self._index[node.name]],
                builtinOptionsType=getattr(self._schema.BuiltinOptions, kind),
                builtinOptions=options,
            )
        )

    def _code(self, name: str) -> Any:
        code = getattr(self._schema.BuiltinOperator, name)
        return self._schema.OperatorCodeT(
            # readers older than operator 127 look at the first field
            deprecatedBuiltinCode=min(code, 127),
            builtinCode=code,
            version=_VERSIONS[name][1 if self._scales else 0],
        )
