"""The operators and constants of a TFLite file, by the schema that LiteRT ships; nothing is run.

LiteRT's interpreter would read them too, but what a file claims can crash it, and the process with
it. The schema's accessors are plain Python over the file's bytes.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import MissingPackageError, SchemaError

Floats = NDArray[np.float32]

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_WIDENING = ("DEQUANTIZE", "QUANTIZE")
_MOST_BYTES = 128 << 20  # of a file; the largest published network in float32 has 53 MB
_MOST = {"operators": 5000, "tensors": 20_000, "buffers": 40_000, "operator codes": 1000}
_MOST_AXES = 8
_DAMAGED = (
    struct.error, IndexError, ValueError, TypeError, KeyError, AttributeError, OverflowError,
    UnicodeDecodeError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its kind, and the numbers of the tensors that it takes and gives."""

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor.

    Attributes:
        name: Its name.
        shape: Its shape.
        type: Of its values, such as `INT8`.
        stored: Its values' bytes, (m,) uint8; empty where it is computed.
        scales: What integers are multiplied with, one or one for each of an axis; maybe none.
        zeros: What is subtracted before.
        axis: That axis.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    stored: NDArray[np.uint8] = field(repr=False)
    scales: NDArray[np.float64]
    zeros: NDArray[np.float64]
    axis: int

    def value(self) -> Floats:
        """Returns the stored values as real numbers, with scales and zero points applied.

        Raises:
            SchemaError: There are none, or their type, number or scales are not supported.
        """
        if not len(self.stored):
            raise SchemaError(f"{self.name}: holds no stored values")
        if self.type not in _KINDS:
            raise SchemaError(f"{self.name}: values of type {self.type} are not supported")
        kind = np.dtype(_KINDS[self.type])
        if len(self.stored) != math.prod(self.shape) * kind.itemsize:
            raise SchemaError(f"{self.name}: {len(self.stored)} bytes for the shape {self.shape}")
        values = self.stored.view(kind).reshape(self.shape)
        real = self._dequantised(values) if kind.kind in "iu" else values.astype(np.float32)
        if not np.isfinite(real).all():
            raise SchemaError(f"{self.name}: holds values that are not finite")
        return real

    def _dequantised(self, values: NDArray[Any]) -> Floats:
        n = len(self.scales)
        if not n or not (np.isfinite(self.scales).all() and (self.scales > 0).all()):
            raise SchemaError(f"{self.name}: integers without a scale")
        shape = [1] * values.ndim
        if n > 1:
            if not 0 <= self.axis < values.ndim or n != values.shape[self.axis]:
                raise SchemaError(f"{self.name}: {n} scales for the shape {self.shape}")
            shape[self.axis] = n
        if len(self.zeros) not in (0, 1, n):
            raise SchemaError(f"{self.name}: {len(self.zeros)} zero points for {n} scales")
        exact = np.float64 if values.dtype.itemsize == 4 else np.float32
        zeros = np.broadcast_to(self.zeros if len(self.zeros) else 0.0, n).reshape(shape)
        real = (values.astype(exact) - zeros.astype(exact)) * self.scales.reshape(shape)
        dequantised: Floats = real.astype(np.float32)
        return dequantised


_KINDS = {
    "FLOAT32": "<f4", "FLOAT16": "<f2", "INT8": "i1", "UINT8": "u1", "INT16": "<i2", "INT32": "<i4",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Graph:
    """A TFLite file.

    Attributes:
        operators: In the order of execution.
        inputs: The numbers of the network's input tensors.
        tensors: By number.
        made_by: The operator that gives a tensor, by its number.
    """

    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    tensors: tuple[Tensor, ...] = field(repr=False)
    made_by: Mapping[int, Operator] = field(repr=False)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Returns a tensor's shape."""
        return self.tensors[tensor].shape

    def name(self, tensor: int) -> str:
        """Returns a tensor's name."""
        return self.tensors[tensor].name

    def is_constant(self, tensor: int) -> bool:
        """Whether a tensor is stored in the file, maybe in a narrower type."""
        return 0 <= tensor < len(self.tensors) and len(self._source(tensor).stored) > 0

    def value(self, tensor: int) -> Floats:
        """Returns a constant's real values.

        Raises:
            SchemaError: It is no constant, or not supported; see `Tensor.value`.
        """
        if not 0 <= tensor < len(self.tensors):
            raise SchemaError(f"there is no tensor {tensor}")
        return self._source(tensor).value()

    def _source(self, tensor: int) -> Tensor:
        """Returns the tensor, or the stored one that an operator only widens."""
        maker = self.made_by.get(tensor)
        if maker is not None and maker.kind in _WIDENING and max(maker.inputs, default=-1) >= 0:
            return self.tensors[max(maker.inputs)]
        return self.tensors[tensor]

    def users(self) -> dict[int, list[Operator]]:
        """Returns the operators that take a tensor, by its number."""
        found: dict[int, list[Operator]] = {}
        for operator in self.operators:
            for tensor in operator.inputs:
                found.setdefault(tensor, []).append(operator)
        return found

    def convolutions(self) -> Iterator[Operator]:
        """Yields all convolutions."""
        return (operator for operator in self.operators if operator.kind in CONVOLUTIONS)


def read_graph(content: bytes) -> Graph:
    """Reads a TFLite file.

    Raises:
        SchemaError: Not a TFLite file, damaged or too large.
        MissingPackageError: LiteRT is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError:
        raise MissingPackageError("ai-edge-litert", "devices") from None
    if len(content) > _MOST_BYTES:
        raise SchemaError(f"{len(content):,} bytes; at most {_MOST_BYTES:,} are allowed")
    if content[4:8] != b"TFL3":
        raise SchemaError("not a TFLite file: it does not say TFL3")
    try:
        return _read(schema, content)
    except _DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise SchemaError(f"not a readable TFLite file ({reason})") from error


def _read(schema: Any, content: bytes) -> Graph:
    model = schema.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() < 1:
        raise SchemaError("holds no network")
    graph = model.Subgraphs(0)
    lengths = {
        "operators": graph.OperatorsLength(),
        "tensors": graph.TensorsLength(),
        "buffers": model.BuffersLength(),
        "operator codes": model.OperatorCodesLength(),
    }
    for what, length in lengths.items():
        if not 0 <= length <= _MOST[what]:
            raise SchemaError(f"{length:,} {what}; at most {_MOST[what]:,} are allowed")
    builtin = {
        value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()
    }
    types = {value: name for name, value in vars(schema.TensorType).items() if name.isupper()}
    kinds = [_kind(model.OperatorCodes(i), builtin) for i in range(lengths["operator codes"])]
    tensors = tuple(
        _tensor(model, graph.Tensors(i), types, lengths["buffers"])
        for i in range(lengths["tensors"])
    )
    operators = tuple(
        Operator(
            i,
            kinds[graph.Operators(i).OpcodeIndex()],
            _numbers(graph.Operators(i).InputsAsNumpy(), len(tensors), optional=True),
            _numbers(graph.Operators(i).OutputsAsNumpy(), len(tensors)),
        )
        for i in range(lengths["operators"])
    )
    made_by = {tensor: operator for operator in operators for tensor in operator.outputs}
    return Graph(operators, _numbers(graph.InputsAsNumpy(), len(tensors)), tensors, made_by)


def _kind(code: Any, builtin: Mapping[int, str]) -> str:
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    kind = builtin.get(number, f"operator {number}")
    custom = code.CustomCode()
    return custom.decode()[:100] if kind == "CUSTOM" and custom else kind


def _tensor(model: Any, tensor: Any, types: Mapping[int, str], n_buffers: int) -> Tensor:
    shape = _numbers(tensor.ShapeAsNumpy(), 1 << 31)
    if len(shape) > _MOST_AXES:
        raise ValueError(f"a tensor of {len(shape)} axes")
    if not 0 <= tensor.Buffer() < n_buffers:
        raise ValueError(f"no buffer {tensor.Buffer()}")
    stored = _array(model.Buffers(tensor.Buffer()).DataAsNumpy())
    quantisation = tensor.Quantization()
    scales, zeros, axis = np.empty(0), np.empty(0), 0
    if quantisation is not None:
        scales = _array(quantisation.ScaleAsNumpy()).astype(np.float64)
        zeros = _array(quantisation.ZeroPointAsNumpy()).astype(np.float64)
        axis = quantisation.QuantizedDimension()
    name = (tensor.Name() or b"").decode(errors="replace")[:200]
    kind = types.get(tensor.Type(), f"{tensor.Type()}")
    return Tensor(ascii(name)[1:-1], shape, kind, stored.view(np.uint8), scales, zeros, axis)


def _array(values: Any) -> NDArray[Any]:
    """Returns a vector; an absent one is given as the number 0."""
    return values if isinstance(values, np.ndarray) else np.empty(0, np.uint8)


def _numbers(values: Any, limit: int, optional: bool = False) -> tuple[int, ...]:
    """Returns a vector of numbers below a limit; an optional one may be -1."""
    numbers = tuple(int(n) for n in _array(values)[:10_000])
    if any(not (-1 if optional else 0) <= n < limit for n in numbers):
        raise ValueError(f"a number of a tensor or axis outside 0..{limit - 1}")
    return numbers
