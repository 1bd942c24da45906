"""TFLite files operator by operator, with the schema that LiteRT ships."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import MissingPackageError
from evonas.graph.network import IMAGE, Graph, Node
from evonas.graph.quantise import Scale, quantise_weights
from evonas.graph.weights import WeightSource, kernel_shape

# Operator versions: int8 kernels, per-channel scales and so on came with later versions of each.
_VERSIONS = {
    "CONV_2D": (1, 3),
    "DEPTHWISE_CONV_2D": (1, 3),
    "ADD": (1, 2),
    "MUL": (1, 2),
    "MEAN": (1, 2),
    "LOGISTIC": (1, 2),
    "HARD_SWISH": (1, 1),
    "DEQUANTIZE": (2, 2),
    "QUANTIZE": (1, 2),
    "RESHAPE": (1, 1),
    "CONCATENATION": (1, 1),
}


def tflite_schema() -> Any:
    """Returns the schema's module.

    Raises:
        MissingPackageError: LiteRT is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError:
        raise MissingPackageError("ai-edge-litert", "devices") from None
    return schema_py_generated


class TFLiteWriter:
    """Collects tensors, buffers and operators in order of first use.

    Args:
        scales: For int8, of every tensor of the network by name; None for float32.
        source: Weights of the convolutions.

    Raises:
        MissingPackageError: LiteRT is not installed.
    """

    def __init__(self, scales: Mapping[str, Scale] | None, source: WeightSource) -> None:
        self._schema = schema = tflite_schema()
        self._scales = scales
        self._source = source
        self._buffers = [schema.BufferT()]  # by convention the first one is empty
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: dict[str, int] = {}
        self._index: dict[str, int] = {}
        self._metadata: list[Any] = []

    def image(self, graph: Graph) -> None:
        """Adds the tensor that a graph reads."""
        self._activation(IMAGE, graph.image_size, _channels(graph))

    def pixels(self, graph: Graph, name: str) -> None:
        """Adds a uint8 image with the int8 one's scale, and the image that it is turned into."""
        assert self._scales is not None, "pixels are for int8 networks"
        scale, size = self._scales[IMAGE], graph.image_size
        quantisation = self._quantisation([scale.scale], [scale.zero_point + 128])
        self._tensor(name, (1, size, size, _channels(graph)), "UINT8", quantisation)
        self.image(graph)
        options = self._schema.QuantizeOptionsT(), "QuantizeOptions"
        self._operator("QUANTIZE", [self._index[name]], [self._index[IMAGE]], *options)

    def network(self, graph: Graph) -> None:
        """Adds all operations of a graph; the image must have been added."""
        for node in graph.nodes:
            self._activation(node.name, node.size, node.channels)
            self._node(node)

    def operator(
        self,
        code: str,
        inputs: Sequence[str],
        output: str,
        shape: tuple[int, ...],
        options: Any = None,
        kind: str = "NONE",
    ) -> str:
        """Adds a float32 tensor and the operator that makes it; returns the tensor's name."""
        made = self._tensor(output, shape, "FLOAT32", None)
        self._operator(code, [self._index[name] for name in inputs], [made], options, kind)
        return output

    def reshaped(self, name: str, shape: tuple[int, ...]) -> str:
        """Adds a float32 map in another shape."""
        wanted = self.constant(f"{name}.shape", np.array(shape, np.int32), "INT32")
        options = self._schema.ReshapeOptionsT(newShape=list(shape)), "ReshapeOptions"
        return self.operator("RESHAPE", [name, wanted], f"{name}.rows", shape, *options)

    def joined(self, names: Sequence[str], output: str, shape: tuple[int, ...]) -> str:
        """Adds float32 rows, one behind the other."""
        options = self._schema.ConcatenationOptionsT(axis=1), "ConcatenationOptions"
        return self.operator("CONCATENATION", names, output, shape, *options)

    def custom(
        self,
        code: str,
        inputs: Sequence[str],
        outputs: Mapping[str, tuple[int, ...]],
        options: bytes,
    ) -> None:
        """Adds an operator that the schema does not know, with its options as a flexbuffer."""
        made = [self._tensor(name, shape, "FLOAT32", None) for name, shape in outputs.items()]
        self._operators.append(
            self._schema.OperatorT(
                opcodeIndex=self._codes.setdefault(code, len(self._codes)),
                inputs=[self._index[name] for name in inputs],
                outputs=made,
                customOptions=np.frombuffer(options, np.uint8),
            )
        )

    def constant(self, name: str, values: NDArray[Any], kind: str) -> str:
        """Adds a tensor with contents; returns its name."""
        self._constant(name, values, kind)
        return name

    def metadata(self, name: str, content: bytes) -> None:
        """Adds a buffer that readers find by name."""
        self._buffers.append(self._schema.BufferT(data=np.frombuffer(content, np.uint8)))
        buffer = len(self._buffers) - 1
        self._metadata.append(self._schema.MetadataT(name=name, buffer=buffer))

    def _activation(self, name: str, size: int, channels: int) -> None:
        """Adds a tensor without contents."""
        kind = "INT8" if self._scales else "FLOAT32"
        quantisation = None
        if self._scales:
            scale = self._scales[name]
            quantisation = self._quantisation([scale.scale], [scale.zero_point])
        self._tensor(name, (1, size, size, channels), kind, quantisation)

    def _node(self, node: Node) -> None:
        """Adds an operator; its output tensor must have been added."""
        s = self._schema
        inputs, outputs = [self._index[name] for name in node.inputs], [self._index[node.name]]
        match node.kind:
            case "conv":
                self._convolution(node, inputs)
            case "add":
                self._operator("ADD", inputs, outputs, s.AddOptionsT(), "AddOptions")
            case "mul":
                self._operator("MUL", inputs, outputs, s.MulOptionsT(), "MulOptions")
            case "mean":
                axes = self._constant(f"{node.name}.axes", np.array([1, 2], np.int32), "INT32")
                options = s.ReducerOptionsT(keepDims=True)
                self._operator("MEAN", [*inputs, axes], outputs, options, "ReducerOptions")
            case "logistic":
                self._operator("LOGISTIC", inputs, outputs)
            case "hard_swish":
                self._operator(
                    "HARD_SWISH", inputs, outputs, s.HardSwishOptionsT(), "HardSwishOptions"
                )

    def finish(self, outputs: Sequence[str], given: str = IMAGE) -> bytes:
        """Returns the file, which takes the tensor `given`."""
        import flatbuffers

        s = self._schema
        graph = s.SubGraphT(
            tensors=self._tensors,
            inputs=[self._index[given]],
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
            metadata=self._metadata or None,
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
        inputs, outputs = [*inputs, *self._weights(node)], [self._index[node.name]]
        if conv.depthwise:
            options = s.DepthwiseConv2DOptionsT(depthMultiplier=1, **common)
            self._operator("DEPTHWISE_CONV_2D", inputs, outputs, options, "DepthwiseConv2DOptions")
        else:
            self._operator("CONV_2D", inputs, outputs, s.Conv2DOptionsT(**common), "Conv2DOptions")

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
        self,
        code: str,
        inputs: list[int],
        outputs: list[int],
        options: Any = None,
        kind: str = "NONE",
    ) -> None:
        self._operators.append(
            self._schema.OperatorT(
                opcodeIndex=self._codes.setdefault(code, len(self._codes)),
                inputs=inputs,
                outputs=outputs,
                builtinOptionsType=getattr(self._schema.BuiltinOptions, kind),
                builtinOptions=options,
            )
        )

    def _code(self, name: str) -> Any:
        if name not in _VERSIONS:
            custom = self._schema.BuiltinOperator.CUSTOM
            return self._schema.OperatorCodeT(
                deprecatedBuiltinCode=custom, builtinCode=custom, customCode=name, version=1
            )
        code = getattr(self._schema.BuiltinOperator, name)
        return self._schema.OperatorCodeT(
            # readers older than operator 127 look at the first field
            deprecatedBuiltinCode=min(code, 127),
            builtinCode=code,
            version=_VERSIONS[name][1 if self._scales else 0],
        )


def _channels(graph: Graph) -> int:
    return next(node.conv.c_in for node in graph.nodes if node.conv is not None)
