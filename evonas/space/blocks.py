"""The building blocks of the tensor-decomposition-based (TDB) space as lists of convolutions.

Source: MobileDets (arXiv 2004.14525) and its released `ssd_mobiledet_feature_extractor.py`.
Costs, the torch network and the TFLite writer all read the same list, so they cannot disagree.
"""

from dataclasses import dataclass
from typing import Literal, get_args

OpKind = Literal["ibn0", "ibn", "fused", "tucker"]
OP_KINDS: tuple[OpKind, ...] = get_args(OpKind)
Activation = Literal["relu6", "h_swish"]

# What an Ethos-U reads a channel: 40 bits of bias, 32 of scale, 6 of shift.
_CHANNEL_BYTES = 10


def round_channels(channels: float, divisor: int = 8) -> int:
    """Rounds a channel count to the nearest multiple of the divisor, at least one multiple.

    >>> [round_channels(c) for c in (2, 12, 20, 60)]
    [8, 16, 24, 64]
    """
    return max(divisor, divisor * int(channels / divisor + 0.5))


@dataclass(frozen=True, slots=True)
class Op:
    """What a layer does; its channel counts come from the widths around it.

    Attributes:
        kind: `ibn0` (no expansion), `ibn`, `fused` (regular convolution expands) or `tucker`.
        kernel: Side of the spatial convolution.
        expansion: Hidden channels over input channels, for `ibn` and `fused`.
        ratio_in: Tucker input rank over input channels.
        ratio_out: Tucker output rank over output channels.
    """

    kind: OpKind
    kernel: int
    expansion: int = 1
    ratio_in: float = 0.0
    ratio_out: float = 0.0

    @property
    def name(self) -> str:
        """Short name, unique among the ops: `ibn_k3_e8`, `tucker_k3_0.25_0.75`."""
        if self.kind == "tucker":
            return f"tucker_k{self.kernel}_{self.ratio_in:g}_{self.ratio_out:g}"
        if self.kind == "ibn0":
            return f"ibn0_k{self.kernel}"
        return f"{self.kind}_k{self.kernel}_e{self.expansion}"


@dataclass(frozen=True, slots=True)
class Conv:
    """One convolution with SAME padding and what follows it.

    With batch norm there is no bias, without it there is one. `squeeze_excite` is the hidden
    width of a squeeze-and-excite gate after the activation (two biased 1x1 convolutions on the
    pooled map, no batch norm); 0 means none.
    """

    c_in: int
    c_out: int
    kernel: int = 1
    stride: int = 1
    depthwise: bool = False
    activation: bool = True
    batch_norm: bool = True
    squeeze_excite: int = 0

    def madds(self, size_in: int) -> int:
        """Multiply-adds for a square input of that side, without batch norm and activations."""
        size_out = -(-size_in // self.stride)
        inputs = 1 if self.depthwise else self.c_in
        gate = 2 * self.c_out * self.squeeze_excite
        return size_out**2 * self.kernel**2 * inputs * self.c_out + gate

    def values_out(self, size_in: int) -> int:
        """Values in the map that it makes of one with side `size_in`."""
        size_out = -(-size_in // self.stride)
        return self.c_out * size_out**2

    def params(self, batch_norm_values: int = 2) -> int:
        """Parameters; batch norm counts 2 trainable values per channel, 4 with its statistics."""
        inputs = 1 if self.depthwise else self.c_in
        per_channel = batch_norm_values if self.batch_norm else 1
        hidden = self.squeeze_excite
        gate = 2 * self.c_out * hidden + hidden + self.c_out if hidden else 0
        return (self.kernel**2 * inputs + per_channel) * self.c_out + gate

    def flash_bytes(self) -> int:
        """Bytes of constants at int8: 1 a weight, 10 an output channel (bias, scale, shift)."""
        inputs = 1 if self.depthwise else self.c_in
        hidden = self.squeeze_excite
        gate = 2 * self.c_out * hidden + _CHANNEL_BYTES * (hidden + self.c_out) if hidden else 0
        return (self.kernel**2 * inputs + _CHANNEL_BYTES) * self.c_out + gate


def op_convs(op: Op, c_in: int, c_out: int, stride: int, squeeze_excite: bool) -> tuple[Conv, ...]:
    """Returns the convolutions of an op in order; the last one has no activation.

    Squeeze-and-excite stands after the spatial convolution and reduces to a quarter; a Tucker
    convolution never has one.
    """
    if op.kind == "tucker":
        rank_in = round_channels(op.ratio_in * c_in)
        rank_out = round_channels(op.ratio_out * c_out)
        return (
            Conv(c_in, rank_in),
            Conv(rank_in, rank_out, op.kernel, stride),
            Conv(rank_out, c_out, activation=False),
        )
    hidden = c_in * op.expansion
    gate = round_channels(0.25 * hidden) if squeeze_excite else 0
    project = Conv(hidden, c_out, activation=False)
    if op.kind == "fused":
        return (Conv(c_in, hidden, op.kernel, stride, squeeze_excite=gate), project)
    depthwise = Conv(hidden, hidden, op.kernel, stride, depthwise=True, squeeze_excite=gate)
    if op.kind == "ibn0":
        return (depthwise, project)
    return (Conv(c_in, hidden), depthwise, project)
