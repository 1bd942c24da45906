"""What a space file abbreviates: the rules of kinds of devices, and the ops by name or kind."""

import re
from dataclasses import dataclass

from evonas.space.blocks import OP_KINDS, Activation, Op, OpKind

# What each sub-space may use beside IBN0; "tdb" is the whole space and has no suffix.
SUBSPACES: dict[str, tuple[OpKind, ...]] = {
    "ibn": ("ibn0", "ibn"),
    "ibn+fused": ("ibn0", "ibn", "fused"),
    "tdb": ("ibn0", "ibn", "fused", "tucker"),
}

# Halves of the blocks in which Fused and Tucker may stand; in the other one only what `ibn` has.
PLACEMENTS = ("early", "late")

KERNELS = (3, 5, 7)
LARGEST_EXPANSION = 12

_EXPANSIONS = (4, 8)
_RATIOS = (0.25, 0.75)
_OP = re.compile(
    r"(?P<depthwise>ibn0)_k(?P<k0>\d)"
    r"|(?P<kind>ibn|fused)_k(?P<k>\d)_e(?P<e>[1-9]\d?)"
    r"|tucker_k3_(?P<i>0?\.\d{1,3}|1)_(?P<o>0?\.\d{1,3}|1)"
)


@dataclass(frozen=True, slots=True)
class DeviceRules:
    """What a device's runtime wants of every network."""

    activation: Activation = "relu6"
    squeeze_excite: bool = False
    kernels: tuple[int, ...] = (3, 5)
    width_divisor: int = 8


# Read off the released networks; the GPU network's widths of 128 need rounding to 16.
RULES = {
    "cpu": DeviceRules(activation="h_swish", squeeze_excite=True),
    "dsp": DeviceRules(kernels=(3,)),
    "edgetpu": DeviceRules(),
    "gpu": DeviceRules(kernels=(3,), width_divisor=16),
}


def ops_of(text: str, kernels: tuple[int, ...]) -> tuple[Op, ...]:
    """Returns the ops that a name or a kind of ops means, in gene order; none if it is neither.

    A kind is all its ops of the paper's space with these kernels; Tucker has kernel 3 only.

    >>> [op.name for op in ops_of("ibn", (3,))], ops_of("ibn_k7_e6", (3,))[0].expansion
    (['ibn_k3_e4', 'ibn_k3_e8'], 6)
    """
    if text == "tucker":
        ratios = [(i, o) for i in _RATIOS for o in _RATIOS]
        return tuple(Op("tucker", 3, ratio_in=i, ratio_out=o) for i, o in ratios)
    if text == "ibn0":
        return tuple(Op("ibn0", kernel) for kernel in kernels)
    for kind in OP_KINDS:
        if text == kind:
            return tuple(Op(kind, k, e) for k in kernels for e in _EXPANSIONS)
    found = _OP.fullmatch(text)
    op = _named(found) if found else None
    return (op,) if op else ()


def _named(found: re.Match[str]) -> Op | None:
    if found["depthwise"]:
        op = Op("ibn0", int(found["k0"]))
    elif found["kind"]:
        kind: OpKind = "ibn" if found["kind"] == "ibn" else "fused"
        op = Op(kind, int(found["k"]), int(found["e"]))
    else:
        op = Op("tucker", 3, ratio_in=float(found["i"]), ratio_out=float(found["o"]))
    fits = op.kernel in KERNELS and op.expansion <= LARGEST_EXPANSION
    return op if fits and (op.kind != "tucker" or min(op.ratio_in, op.ratio_out) > 0) else None
