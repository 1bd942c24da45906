"""Devices that are closed formulas: which networks suit a kind of hardware, and why.

They stand for kinds of accelerators, not for products. A network's time is the sum over its
operations, so a table over the cells of a space is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from evonas.definitions import Layout, definition
from evonas.graph.network import Node, detector_graph
from evonas.latency.devices import Device
from evonas.latency.predictors.features import cell_nodes
from evonas.latency.predictors.models import LinearModel
from evonas.latency.sources.measurement import Measurement, part_of
from evonas.space import Architecture, Layer, SearchSpace


@dataclass(frozen=True, slots=True)
class SystolicArray:
    """A weight-stationary array of multipliers fed from memory, int8.

    Attributes:
        rows: Rows, along which a product's terms are summed.
        columns: Columns, one output channel each.
        clock_hz: Clock.
        bytes_per_second: Memory bandwidth.
    """

    rows: int
    columns: int
    clock_hz: float
    bytes_per_second: float

    def milliseconds(self, node: Node) -> float:
        """The longer of computing and moving data; operations but convolutions only move."""
        moving = moved_values(node) / self.bytes_per_second
        return 1e3 * max(self.cycles(node) / self.clock_hz, moving)

    def cycles(self, node: Node) -> int:
        """Cycles without stalls, as SCALE-Sim counts them for weight-stationary arrays.

        A depthwise convolution is one product of one output channel for each of its channels, and
        leaves the array almost idle.
        """
        if node.conv is None:
            return 0
        conv, pixels = node.conv, node.size**2
        if conv.depthwise:
            return conv.c_out * self.product_cycles(pixels, conv.kernel**2, 1)
        return self.product_cycles(pixels, conv.kernel**2 * conv.c_in, conv.c_out)

    def product_cycles(self, m: int, k: int, n: int) -> int:
        """Cycles of an (m, k) by (k, n) product, as in tests/latency/scalesim.csv."""
        folds = -(-k // self.rows) * -(-n // self.columns)
        return folds * (2 * self.rows + self.columns + m - 2) - 1


@dataclass(frozen=True, slots=True)
class Roofline:
    """A processor bound by arithmetic or by memory, with a fixed cost a kernel, fp16.

    Attributes:
        matrix_flops: Peak rate of what runs on matrix units: convolutions across channels.
        vector_flops: Peak rate of what does not: depthwise convolutions.
        bytes_per_second: Memory bandwidth.
        launch_seconds: Cost of starting one kernel.
    """

    matrix_flops: float
    vector_flops: float
    bytes_per_second: float
    launch_seconds: float

    def milliseconds(self, node: Node) -> float:
        """The longer of computing and moving two bytes a value, and the launch."""
        flops, rate = 0.0, self.matrix_flops
        if node.conv is not None:
            flops = 2.0 * node.conv.madds(node.size_in)
            rate = self.vector_flops if node.conv.depthwise else rate
        moving = 2 * moved_values(node) / self.bytes_per_second
        return 1e3 * (max(flops / rate, moving) + self.launch_seconds)


def moved_values(node: Node) -> int:
    """Values that an operation reads and writes: maps, weights and biases."""
    written = node.size**2 * node.channels
    if node.conv is None:
        return len(node.inputs) * node.size_in**2 * node.channels + written
    conv = node.conv
    inputs = 1 if conv.depthwise else conv.c_in
    weights = (conv.kernel**2 * inputs + 1) * conv.c_out
    return node.size_in**2 * conv.c_in + written + weights


# The array and clock of a small edge accelerator, with a phone's memory; the unit counts, clock
# (1.377 GHz) and bandwidth of a published edge GPU of 512 vector lanes and 64 matrix units.
HARDWARE: dict[str, SystolicArray | Roofline] = {
    "systolic-64x64": SystolicArray(64, 64, 480e6, 25.6e9),
    "edge-gpu": Roofline(11.3e12, 2.8e12, 137e9, 5e-6),
}


_VERSION_1: Layout = {
    SystolicArray: ("SystolicArray", ("rows", "columns", "clock_hz", "bytes_per_second")),
    Roofline: (
        "Roofline",
        ("matrix_flops", "vector_flops", "bytes_per_second", "launch_seconds"),
    ),
}


def formula(device: str) -> str:
    """Returns the definition of an analytic device as text."""
    return definition(HARDWARE[device], _VERSION_1)


class AnalyticSource:
    """Applies a device's formula to every operation of a network."""

    def __init__(self, device: Device) -> None:
        self._milliseconds: Callable[[Node], float] = HARDWARE[device.name].milliseconds
        self.versions = {"formula": formula(device.name)}

    def measure(self, architecture: Architecture) -> Measurement:
        """Returns the sum over the operations."""
        parts: dict[str, float] = {}
        for node in detector_graph(architecture).nodes:
            part = part_of(node.name)
            parts[part] = parts.get(part, 0.0) + self._milliseconds(node)
        return Measurement(latency_ms=sum(parts.values()), parts_ms=parts)


@lru_cache(maxsize=16)
def analytic_model(device: str, space: SearchSpace) -> LinearModel:
    """Returns the exact model of an analytic device."""
    milliseconds = HARDWARE[device].milliseconds

    def cell(layer: Layer) -> float:
        return sum(milliseconds(node) for node in cell_nodes(space, layer))

    table = space.tabulate(cell)
    table.flags.writeable = False  # shared by all who ask
    return LinearModel(space, table)
