"""A published network's weights from the variables of a TensorFlow 1 checkpoint."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.errors import SchemaError
from evonas.space import Architecture
from evonas.weights.scopes import Scope, unit_scopes
from evonas.weights.tensor_bundle import TensorBundle

Floats = NDArray[np.float32]

_DENSE, _DEPTHWISE = (3, 2, 0, 1), (2, 3, 0, 1)  # from (h, w, in, out) and (h, w, c, 1)
_AVERAGE = "/ExponentialMovingAverage"
_NORM = {"scale": "gamma", "bias": "beta", "mean": "moving_mean", "variance": "moving_variance"}
# A variable of these that no unit takes is a sign of another network.
_OF_A_NETWORK = (
    "weights", "depthwise_weights", "pointwise_weights", "biases", *_NORM.values(),
)  # fmt: skip
_SHOWN = 4  # names in a message


@dataclass(frozen=True, slots=True)
class Wanted:
    """One value of the detector and the variable that holds it."""

    value: str
    variable: str
    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()


def wanted_variables(name: str, architecture: Architecture) -> list[Wanted]:
    """Returns what a published network needs, in TensorFlow's order of anchors and classes.

    Args:
        name: The network's.
        architecture: Its architecture with the class slots of the checkpoint.
    """
    return [want for scope in unit_scopes(name, architecture) for want in _of_unit(scope)]


def _of_unit(scope: Scope) -> Iterator[Wanted]:
    conv, unit = scope.conv, f"units.{scope.unit}"
    sides = (conv.kernel, conv.kernel)
    if conv.depthwise:
        shape = (*sides, conv.c_in, 1)
        yield Wanted(f"{unit}.weight", f"{scope.name}/depthwise_weights", shape, _DEPTHWISE)
    else:
        shape = (*sides, conv.c_in, conv.c_out)
        yield Wanted(f"{unit}.weight", f"{scope.name}/weights", shape, _DENSE)
    norm = {value: f"BatchNorm/{name}" for value, name in _NORM.items()}
    for value, name in (norm if conv.batch_norm else {"bias": "biases"}).items():
        yield Wanted(f"{unit}.{value}", f"{scope.name}/{name}", (conv.c_out,))
    if scope.gate:
        hidden = conv.squeeze_excite
        gates = (("squeeze", "Conv", conv.c_out, hidden), ("excite", "Conv_1", hidden, conv.c_out))
        for gate, part, c_in, c_out in gates:
            inner = f"{scope.gate}/{part}"
            yield Wanted(f"{unit}.{gate}.weight", f"{inner}/weights", (1, 1, c_in, c_out), _DENSE)
            yield Wanted(f"{unit}.{gate}.bias", f"{inner}/biases", (c_out,))


def read_checkpoint(
    bundle: TensorBundle, name: str, architecture: Architecture
) -> tuple[dict[str, Floats], list[str], int]:
    """Finds and reads a network's variables.

    Variables are matched by the end of their name and by shape; averaged ones are preferred.

    Args:
        bundle: The checkpoint.
        name: Of the published network.
        architecture: Its architecture with the class slots of the checkpoint.

    Returns:
        The detector's values by name, in TensorFlow's order of anchors and classes, the names of
        the variables that were left out, and how many of the values are averaged ones.

    Raises:
        SchemaError: Variables are missing, of other shapes, left over, or damaged.
    """
    wanted = wanted_variables(name, architecture)
    known = _by_last_parts(bundle)
    chosen: dict[str, str] = {}
    missing, other = [], []
    for want in wanted:
        found = [n for n in known.get(_key(want.variable), []) if _ends_with(n, want.variable)]
        fitting = [n for n in found if bundle.variables[n].shape == want.shape]
        exact = [n for n in fitting if n == want.variable] or fitting
        if len(exact) == 1:
            average = exact[0] + _AVERAGE
            has_average = average in bundle.variables
            if has_average and bundle.variables[average].shape != want.shape:
                other.append(f"{average} {bundle.variables[average].shape}, not {want.shape}")
            chosen[want.value] = average if has_average else exact[0]
        elif found:
            shapes = ", ".join(f"{n} {bundle.variables[n].shape}" for n in found[:2])
            other.append(f"{shapes}, not one of {want.shape}")
        else:
            missing.append(want.variable)
    used = {n.removesuffix(_AVERAGE) for n in chosen.values()}
    left = sorted(set(bundle.variables) - set(chosen.values()))
    foreign = [n for n in left if n.split("/")[-1] in _OF_A_NETWORK and n not in used]
    if missing or other or foreign:
        reasons = {"missing": missing, "of another shape": other, "left over": foreign}
        told = (f"{what}: {_listed(names)}" for what, names in reasons.items() if names)
        raise SchemaError(f"{bundle.name}: not the weights of {name}: {'; '.join(told)}")
    values = bundle.read(chosen.values())
    arrays = {}
    for want in wanted:
        value = values[chosen[want.value]]
        arrays[want.value] = value.transpose(want.axes) if want.axes else value
        if want.value.endswith("variance") and (value < 0).any():
            raise SchemaError(f"{bundle.name}: {chosen[want.value]} has a negative variance")
    return arrays, left, sum(name.endswith(_AVERAGE) for name in chosen.values())


def class_slots(bundle: TensorBundle, anchors: int) -> int:
    """Returns the class slots of a checkpoint, 0 if it has no class predictor on the first map.

    Args:
        bundle: The checkpoint.
        anchors: Anchors at a location of the first map.
    """
    sizes = [
        variable.shape[0] // anchors
        for name, variable in bundle.variables.items()
        if _ends_with(name, "BoxPredictor_0/ClassPredictor/biases") and len(variable.shape) == 1
    ]
    return sizes[0] if sizes else 0


def _key(name: str) -> str:
    return "/".join(name.split("/")[-2:])


def _by_last_parts(bundle: TensorBundle) -> dict[str, list[str]]:
    """Returns the variables' names by their last two parts, which all matches have in common."""
    found: dict[str, list[str]] = {}
    for name in bundle.variables:
        found.setdefault(_key(name), []).append(name)
    return found


def _ends_with(name: str, end: str) -> bool:
    return name == end or name.endswith(f"/{end}")


def _listed(names: list[str]) -> str:
    shown = ", ".join(name[:200] for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
