"""Weights for a written network: a seeded stand-in, or those of a trained one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evonas.graph.network import Node

Floats32 = NDArray[np.float32]

# Quantised per channel, a bell of weights reaches its integer limit at about this many sigmas.
_SIGMAS = 3.5
_POOL = 1 << 20


@dataclass(frozen=True, slots=True)
class ConvWeights:
    """The weights of one convolution with its batch norm folded in.

    Attributes:
        kernel: (c_out, k, k, c_in), or (1, k, k, c_out) for a depthwise one, float32.
        bias: (c_out,) float32.
    """

    kernel: Floats32
    bias: Floats32


# Gives the weights of a convolution node; `Node.weight` says which convolution of the walk it is.
WeightSource = Callable[[Node], ConvWeights]


def kernel_shape(node: Node) -> tuple[int, int, int, int]:
    """Returns the TFLite shape of a convolution node's kernel."""
    assert node.conv is not None
    conv = node.conv
    if conv.depthwise:
        return (1, conv.kernel, conv.kernel, conv.c_out)
    return (conv.c_out, conv.kernel, conv.kernel, conv.c_in)


def random_weights(seed: int = 0) -> WeightSource:
    """Returns normal weights of variance 2 / fan-in, the same for a seed and node anywhere.

    They are windows of one pool of numbers, because drawing millions a network would take longer
    than all the rest. A compiler that compresses weights sees the bell shape of trained ones.
    """

    def weights(node: Node) -> ConvWeights:
        shape = kernel_shape(node)
        fan_in = shape[1] * shape[2] * (1 if shape[0] == 1 else shape[3])
        values = _window(seed, node.weight[0], int(np.prod(shape))).reshape(shape)
        return ConvWeights(
            values * np.float32((2 / fan_in) ** 0.5), np.zeros(node.channels, np.float32)
        )

    return weights


@lru_cache(maxsize=4)
def _pool(seed: int) -> Floats32:
    values = np.random.default_rng(seed).standard_normal(_POOL, np.float32)
    return values.clip(-_SIGMAS, _SIGMAS)


def _window(seed: int, index: int, n: int) -> Floats32:
    """Numbers of the pool from a place that depends on the index, round its end."""
    pool, start = _pool(seed), index * 7919 % _POOL
    if start + n <= _POOL:
        return pool[start : start + n]
    return np.resize(np.roll(pool, -start), n)
