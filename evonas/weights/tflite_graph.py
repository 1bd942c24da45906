"""The operators and constants of a TFLite file, as LiteRT reads them; nothing is run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import MissingPackageError, SchemaError

Floats = NDArray[np.float32]

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_MOST_BYTES = 128 << 20  # of a file; the largest published network in float32 has 53 MB
_MOST_OPERATORS = 5000


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its kind, and the numbers of the tensors that it takes and gives."""

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A TFLite file.

    Attributes:
        operators: In the order of execution.
        inputs: The numbers of the network's input tensors.
        tensors: LiteRT's details by number.
        constants: The raw values of constant tensors, by number, as they are asked for.
        made_by: The operator that gives a tensor, by its number.
    """

    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    tensors: Mapping[int, Any] = field(repr=False)
    interpreter: Any = field(repr=False)
    made_by: Mapping[int, Operator] = field(repr=False)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Returns a tensor's shape."""
        return tuple(int(n) for n in self.tensors[tensor]["shape"])

    def name(self, tensor: int) -> str:
        """Returns a tensor's name."""
        return str(self.tensors[tensor]["name"])[:200]

    def is_constant(self, tensor: int) -> bool:
        """Whether a tensor is stored in the file, maybe in another type."""
        if tensor < 0 or tensor in self.inputs:
            return False
        maker = self.made_by.get(tensor)
        if maker is None:
            return True
        return maker.kind in ("DEQUANTIZE", "QUANTIZE") and self.is_constant(maker.inputs[0])

    def value(self, tensor: int) -> Floats:
        """Returns a constant's real values, with scales and zero points applied.

        Raises:
            SchemaError: It is no constant, or its type or its scales are not supported.
        """
        if tensor not in self.tensors or not self.is_constant(tensor):
            raise SchemaError(f"tensor {tensor} holds no stored values")
        maker = self.made_by.get(tensor)
        if maker is not None:  # stored as float16 or int8
            return self.value(maker.inputs[0])
        detail = self.tensors[tensor]
        try:
            stored = np.array(self.interpreter.get_tensor(tensor))
        except (ValueError, RuntimeError) as error:
            raise SchemaError(f"{self.name(tensor)}: has no stored values ({error})") from error
        if stored.dtype in (np.float32, np.float16):
            real = stored.astype(np.float32)
        elif stored.dtype in (np.int8, np.uint8, np.int16, np.int32):
            real = self._dequantised(stored, detail)
        else:
            raise SchemaError(f"{self.name(tensor)}: values of type {stored.dtype}")
        if not np.isfinite(real).all():
            raise SchemaError(f"{self.name(tensor)}: holds values that are not finite")
        return real

    def _dequantised(self, stored: NDArray[Any], detail: Any) -> Floats:
        quantisation = detail["quantization_parameters"]
        scales = np.asarray(quantisation["scales"], np.float64)
        zeros = np.asarray(quantisation["zero_points"], np.float64)
        axis = int(quantisation["quantized_dimension"])
        name = str(detail["name"])[:200]
        if not len(scales) or not (np.isfinite(scales).all() and (scales > 0).all()):
            raise SchemaError(f"{name}: integers without a scale")
        shape = [1] * stored.ndim
        if len(scales) > 1:
            if not 0 <= axis < stored.ndim or len(scales) != stored.shape[axis]:
                raise SchemaError(f"{name}: {len(scales)} scales for the shape {stored.shape}")
            shape[axis] = len(scales)
        if len(zeros) not in (1, len(scales)):
            raise SchemaError(f"{name}: {len(zeros)} zero points for {len(scales)} scales")
        zero = zeros.reshape(shape) if len(zeros) == len(scales) else zeros[0]
        return ((stored - zero) * scales.reshape(shape)).astype(np.float32)

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
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError:
        raise MissingPackageError("ai-edge-litert", "devices") from None
    if len(content) > _MOST_BYTES:
        raise SchemaError(f"{len(content):,} bytes; at most {_MOST_BYTES:,} are allowed")
    if content[4:8] != b"TFL3":
        raise SchemaError("not a TFLite file: it does not say TFL3")
    try:
        # Nothing is allocated, so that no size that the file claims takes any memory.
        interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        inputs = tuple(int(detail["index"]) for detail in interpreter.get_input_details())
        tensors = {int(d["index"]): d for d in interpreter.get_tensor_details()}
        operators = tuple(
            Operator(
                number,
                str(detail["op_name"]),
                tuple(int(n) for n in detail["inputs"]),
                tuple(int(n) for n in detail["outputs"]),
            )
            for number, detail in enumerate(interpreter._get_ops_details())
        )
    except (ValueError, RuntimeError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise SchemaError(f"not a readable TFLite file ({reason})") from error
    if len(operators) > _MOST_OPERATORS:
        raise SchemaError(f"{len(operators)} operators; at most {_MOST_OPERATORS} are allowed")
    made_by = {tensor: operator for operator in operators for tensor in operator.outputs}
    return Graph(operators, inputs, tensors, interpreter, made_by)
