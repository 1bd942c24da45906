"""A published network's weights from a TFLite file.

A file's operators have no scopes that can be relied on, so each unit's convolution is found where
the network has it: behind the convolution before it, with the shape that it must have. What lies
between (activations, gates, scales of types) is stepped over, and the sums of residuals are met
where they must be. Batch norm is folded already.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from evonas.detector.network import BACKBONE_NORM, HEAD_NORM, layer_convs, level_convs
from evonas.errors import SchemaError
from evonas.space import Architecture, Conv
from evonas.weights.tflite_graph import CONVOLUTIONS, Graph, Operator

Floats = NDArray[np.float32]
Named = tuple[str, Conv]

_COMPILED = "edgetpu-custom-op"
_DENSE, _DEPTHWISE = (0, 3, 1, 2), (3, 0, 1, 2)  # from (out, h, w, in) and (1, h, w, c)


def read_tflite(
    graph: Graph, name: str, architecture: Architecture
) -> tuple[dict[str, Floats], list[str]]:
    """Finds and reads a network's weights.

    Args:
        graph: The file.
        name: Of the published network, for messages.
        architecture: Its architecture with the class slots of the file.

    Returns:
        The detector's values by name, in TensorFlow's order of anchors and classes, and the kinds
        of operators that stand behind the network, such as its post-processing.

    Raises:
        SchemaError: A convolution is missing or left over, or its values cannot be read.
    """
    return _Walk(graph, name).read(architecture)


def class_slots(graph: Graph, architecture: Architecture) -> int:
    """Returns the class slots of a file, 0 if none can be told: by the last level's predictor.

    Args:
        graph: The file.
        architecture: The network's, with any number of classes.
    """
    last = architecture.levels()[-1]
    anchors = last.boxes[-1].c_out // 4
    depth = last.boxes[-1].c_in
    sizes = {
        _shape(graph, operator)[0]
        for operator in graph.convolutions()
        if _shape(graph, operator)[1:] == (1, 1, depth)
    }
    found = sorted(n // anchors for n in sizes if n % anchors == 0 and n != anchors * 4)
    return found[-1] if found else 0


class _Walk:
    """The network's units, found one behind the other."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name
        self.users = graph.users()
        self.arrays: dict[str, Floats] = {}
        self.used: set[int] = set()
        self.ends: set[int] = set()

    def read(self, architecture: Architecture) -> tuple[dict[str, Floats], list[str]]:
        if any(op.kind == _COMPILED for op in self.graph.operators):
            raise self._refusal(
                "it is compiled for the Edge TPU, and its weights cannot be read; give the file "
                "that it was compiled from"
            )
        if len(self.graph.inputs) != 1:
            raise self._refusal(f"{len(self.graph.inputs)} inputs, one is needed")
        size = architecture.skeleton.image_size
        if self.graph.shape(self.graph.inputs[0]) != (1, size, size, 3):
            shape = self.graph.shape(self.graph.inputs[0])
            raise self._refusal(f"its input is {shape}, (1, {size}, {size}, 3) is needed")
        tensor = self._unit(self.graph.inputs[0], "stem", architecture.stem_conv(), False)
        outputs: dict[int, int] = {}
        for layer in architecture.layers():
            tensor = self._chain(tensor, layer_convs(layer), False, layer.residual)
            outputs[layer.block] = tensor
        for number, level in enumerate(architecture.levels()):
            tensor = outputs[level.source] if level.source else tensor
            tensor = self._chain(tensor, level_convs(number, "stage", level.stage), True)
            for part in ("boxes", "classes"):
                self._predictor(tensor, list(level_convs(number, part, getattr(level, part))))
        left = [op for op in self.graph.convolutions() if op.index not in self.used]
        if left:
            shown = ", ".join(self.graph.name(op.outputs[0]) for op in left[:3])
            raise self._refusal(f"left over: {len(left)} convolutions, first {shown}")
        return self.arrays, self._behind()

    def _chain(
        self, tensor: int, convs: Iterable[Named], head: bool, residual: bool = False
    ) -> int:
        """Follows units one behind the other; returns the tensor that they give."""
        before = tensor
        for unit, conv in convs:
            tensor = self._unit(tensor, unit, conv, head)
        if not residual:
            return tensor
        sums = {op.index: op for op in self._sums(before)}
        both = [op for op in self._sums(tensor) if op.index in sums]
        if len(both) != 1:
            raise self._refusal(f"no residual sum behind {self.graph.name(tensor)}")
        return both[0].outputs[0]

    def _unit(self, tensor: int, unit: str, conv: Conv, head: bool) -> int:
        found = [op for op in self._next(tensor)[0] if self._fits(op, conv)]
        if conv.squeeze_excite == 0 and len(found) > 1:
            # A gate's convolutions work on one pixel, as no unit behind a gate does.
            found = [op for op in found if not self._on_one_pixel(op)] or found
        if len(found) != 1:
            raise self._refusal(self._what_misses(unit, conv, tensor, found))
        self._take(found[0], unit, conv, head)
        output = found[0].outputs[0]
        if conv.squeeze_excite:
            self._gate(output, unit, conv)
        return output

    def _predictor(self, tensor: int, convs: list[Named]) -> None:
        """Takes depthwise and 1x1 convolution of the boxes or classes: told apart by the latter."""
        (first, depthwise), (second, dense) = convs
        for candidate in self._next(tensor)[0]:
            if not self._fits(candidate, depthwise):
                continue
            behind = [op for op in self._next(candidate.outputs[0])[0] if self._fits(op, dense)]
            if len(behind) == 1:
                self._take(candidate, first, depthwise, True)
                self._take(behind[0], second, dense, True)
                self.ends.add(behind[0].outputs[0])
                return
        raise self._refusal(self._what_misses(second, dense, tensor, []))

    def _gate(self, tensor: int, unit: str, conv: Conv) -> None:
        hidden = conv.squeeze_excite
        for part, wanted in (
            ("squeeze", Conv(conv.c_out, hidden, batch_norm=False)),
            ("excite", Conv(hidden, conv.c_out, batch_norm=False)),
        ):
            found = [
                op
                for op in self._next(tensor)[0]
                if self._fits(op, wanted) and self._on_one_pixel(op)
            ]
            if len(found) != 1:
                raise self._refusal(self._what_misses(f"{unit}.{part}", wanted, tensor, found))
            weight, bias = self._values(found[0], wanted)
            self.arrays[f"units.{unit}.{part}.weight"] = weight
            self.arrays[f"units.{unit}.{part}.bias"] = bias
            tensor = found[0].outputs[0]

    def _take(self, operator: Operator, unit: str, conv: Conv, head: bool) -> None:
        weight, bias = self._values(operator, conv)
        name = f"units.{unit}"
        self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"] = weight, bias
        if conv.batch_norm:  # one that changes nothing
            eps = (HEAD_NORM if head else BACKBONE_NORM)["eps"]
            ones = np.ones(conv.c_out, np.float32)
            self.arrays[f"{name}.scale"] = ones
            self.arrays[f"{name}.mean"] = np.zeros_like(ones)
            self.arrays[f"{name}.variance"] = ones - np.float32(eps)

    def _values(self, operator: Operator, conv: Conv) -> tuple[Floats, Floats]:
        self.used.add(operator.index)
        try:
            weight = self.graph.value(operator.inputs[1])
            has_bias = len(operator.inputs) > 2 and operator.inputs[2] >= 0
            bias = self.graph.value(operator.inputs[2]) if has_bias else np.zeros(conv.c_out)
        except SchemaError as error:
            raise self._refusal(str(error)) from None
        if bias.shape != (conv.c_out,):
            raise self._refusal(f"a bias {bias.shape} of {conv.c_out} channels")
        axes = _DEPTHWISE if conv.depthwise else _DENSE
        return weight.transpose(axes), bias.astype(np.float32)

    def _next(self, tensor: int) -> tuple[list[Operator], list[Operator]]:
        """Returns the next convolutions behind a tensor, and the next sums of two tensors."""
        convolutions: dict[int, Operator] = {}
        sums: dict[int, Operator] = {}
        waiting, seen = [tensor], {tensor}
        while waiting:
            for operator in self.users.get(waiting.pop(), ()):
                if operator.kind in CONVOLUTIONS:
                    convolutions[operator.index] = operator
                elif operator.kind == "ADD" and not any(
                    self.graph.is_constant(t) for t in operator.inputs
                ):
                    sums[operator.index] = operator
                else:
                    fresh = [t for t in operator.outputs if t not in seen]
                    waiting += fresh
                    seen.update(fresh)
        return list(convolutions.values()), list(sums.values())

    def _sums(self, tensor: int) -> list[Operator]:
        return self._next(tensor)[1]

    def _fits(self, operator: Operator, conv: Conv) -> bool:
        if operator.index in self.used or (operator.kind == CONVOLUTIONS[1]) != conv.depthwise:
            return False
        if conv.depthwise:
            return _shape(self.graph, operator) == (1, conv.kernel, conv.kernel, conv.c_out)
        return _shape(self.graph, operator) == (conv.c_out, conv.kernel, conv.kernel, conv.c_in)

    def _on_one_pixel(self, operator: Operator) -> bool:
        return operator.inputs[0] >= 0 and self.graph.shape(operator.inputs[0])[1:3] == (1, 1)

    def _behind(self) -> list[str]:
        """Returns the kinds of operators behind the predictors."""
        kinds: set[str] = set()
        waiting, seen = list(self.ends), set(self.ends)
        while waiting:
            for operator in self.users.get(waiting.pop(), ()):
                kinds.add(operator.kind)
                fresh = [t for t in operator.outputs if t not in seen]
                waiting += fresh
                seen.update(fresh)
        return sorted(kinds)

    def _what_misses(self, unit: str, conv: Conv, tensor: int, found: list[Operator]) -> str:
        kind = "depthwise" if conv.depthwise else "convolution"
        what = f"{kind} {conv.kernel}x{conv.kernel} from {conv.c_in} to {conv.c_out} channels"
        where = f"behind {self.graph.name(tensor)}"
        if found:
            return f"{len(found)} could be {unit} ({what}) {where}"
        there = [str(_shape(self.graph, op)) for op in self._next(tensor)[0]]
        return f"missing: {unit} ({what}) {where}; there: {', '.join(there[:4]) or 'none'}"

    def _refusal(self, reason: str) -> SchemaError:
        return SchemaError(f"not the weights of {self.name}: {reason}")


def _shape(graph: Graph, operator: Operator) -> tuple[int, ...]:
    """Returns the shape of a convolution's weights."""
    has_weights = len(operator.inputs) > 1 and operator.inputs[1] >= 0
    return graph.shape(operator.inputs[1]) if has_weights else ()
