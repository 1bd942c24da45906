"""The operations of a network as a device runs them, whatever space it is of."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import get_args

import numpy as np

from evonas.arrays import Floats
from evonas.graph.network import Node, NodeKind

_KINDS: tuple[NodeKind, ...] = get_args(NodeKind)
# What a convolution ends in: a kind of node that runs with it has a number of its own.
_NONE, _RELU6 = 0, 1
_FUSED: dict[NodeKind, int] = {"hard_swish": 2, "logistic": 3}
# Kinds of work that a device does at rates of their own.
_CATEGORIES = ("regular", "pointwise", "depthwise", "mean", "other")
_LANES = 16  # channels come in groups of this many on vector units and MAC arrays


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation with the activation that runs in it.

    Attributes:
        kind: Index into the kinds of a graph's nodes.
        size_in: Side of the map it reads.
        size: Side of the map it makes.
        c_in: Channels it reads.
        c_out: Channels it makes.
        kernel: Side of a convolution's kernel; 0 for what is none.
        stride: Of a convolution.
        depthwise: 1 for a depthwise convolution.
        activation: 0 for none, 1 for ReLU6, 2 for h-swish, 3 for the sigmoid of a gate.
    """

    kind: int
    size_in: int
    size: int
    c_in: int
    c_out: int
    kernel: int = 0
    stride: int = 1
    depthwise: int = 0
    activation: int = _NONE

    @property
    def category(self) -> int:
        """Index of the kind of work."""
        if not self.kernel:
            return _CATEGORIES.index("mean" if _KINDS[self.kind] == "mean" else "other")
        name = "depthwise" if self.depthwise else "pointwise" if self.kernel == 1 else "regular"
        return _CATEGORIES.index(name)


def operations(nodes: Iterable[Node]) -> list[Operation]:
    """Returns the operations of nodes in order; activations are one with their convolution."""
    found: list[Operation] = []
    for node in nodes:
        if node.kind in _FUSED:
            found[-1] = replace(found[-1], activation=_FUSED[node.kind])
            continue
        kind, conv = _KINDS.index(node.kind), node.conv
        sides = kind, node.size_in, node.size
        if conv is None:
            found.append(Operation(*sides, node.channels, node.channels))
            continue
        activation = _RELU6 if node.relu6 else _NONE
        depthwise = int(conv.depthwise)
        widths = conv.c_in, node.channels
        found.append(Operation(*sides, *widths, conv.kernel, conv.stride, depthwise, activation))
    return found


def work(found: Sequence[Operation]) -> Floats:
    """Returns (n, 25) what operations ask of a device: five amounts for each kind of work.

    They are the operation itself, its multiply-adds, those with channels padded to the lanes of
    an array, the values that it reads and writes, and its weights.
    """
    table = np.zeros((len(found), len(_CATEGORIES), 5))
    for row, op in enumerate(found):
        taps, pixels = op.kernel**2, op.size**2
        inputs = 1 if op.depthwise else op.c_in
        padded = (1 if op.depthwise else _padded(op.c_in)) * _padded(op.c_out)
        moved = op.size_in**2 * op.c_in + pixels * op.c_out
        weights = taps * inputs * op.c_out
        table[row, op.category] = 1, pixels * weights, pixels * taps * padded, moved, weights
    return table.reshape(len(found), -1)


def features(found: Sequence[Operation]) -> Floats:
    """Returns (n, n_features) what trees look at."""
    rows = np.array([astuple(op) for op in found], np.float64).reshape(len(found), 9)
    _, size_in, size, c_in, c_out, *_ = rows.T
    asked = work(found).reshape(len(found), len(_CATEGORIES), 5).sum(axis=1)
    moved = np.stack([size_in**2 * c_in, size**2 * c_out], 1)
    rests = np.stack([-size % 2, -size % 4, -size % 8, c_out % 16, c_out % 32, c_in % 16], 1)
    category = np.array([[op.category] for op in found], np.float64).reshape(len(found), 1)
    everything: Floats = np.concatenate([rows, category, asked[:, 1:], moved, rests], 1)
    return everything


def _padded(channels: int) -> int:
    return -(-channels // _LANES) * _LANES
