"""The paper's thesis in the sources' own figures: regular convolutions against depthwise ones.

One block alone, without residual, over the shapes of the network. `gain` is how much better a
block uses the device than the inverted bottleneck with expansion 8 at the same shape: its
multiply-adds a millisecond over those of the bottleneck. Where it exceeds 1, the block with k
times the MAdds takes less than k times the time.

    python -m scripts.report.blocks [--devices cpu-xnnpack,ethos-u55-256] [--csv FILE]
"""

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from evonas.errors import MissingPackageError
from evonas.graph.network import Graph, layer_graph
from evonas.graph.onnx import write_onnx_graph
from evonas.graph.tflite import write_graph
from evonas.latency import list_devices
from evonas.latency.devices import Device
from evonas.latency.sources.analytic import HARDWARE
from evonas.latency.sources.ethos import EthosSource
from evonas.latency.sources.runtimes import load_onnx, load_tflite, thread_milliseconds
from evonas.space import Op
from evonas.space.blocks import op_convs
from evonas.space.costs import placed

# Map side and channels at which blocks 1 to 7 of a 320x320 network work.
SHAPES = ((160, 16), (80, 32), (40, 48), (20, 96), (10, 160))
BOTTLENECK = Op("ibn", 3, 8)
BLOCKS = (
    BOTTLENECK,
    Op("ibn", 3, 4),
    Op("ibn", 5, 8),
    Op("fused", 3, 4),
    Op("fused", 3, 8),
    Op("fused", 5, 8),
    Op("tucker", 3, ratio_in=0.25, ratio_out=0.75),
    Op("tucker", 3, ratio_in=0.75, ratio_out=0.75),
)
RUNS = 40

Clock = Callable[[Graph], float]

ALL_DEVICES = ",".join(device.name for device in list_devices())


def main(
    devices: str = ALL_DEVICES,
    out: Annotated[Path | None, typer.Option("--csv")] = None,
) -> None:
    """Prints the table."""
    wanted = devices.split(",")
    names = ("device", "px", "channels", "block", "MAdds", "ms", "x MAdds", "x time", "gain")
    writer = csv.writer(out.open("w", newline="")) if out else None
    if writer:
        writer.writerow(names)
    print("{:<17}{:>4}{:>6} {:<21}{:>12}{:>10}{:>9}{:>8}{:>7}".format(*names))
    for device in list_devices():
        if device.name not in wanted or device.source == "published":
            continue
        try:
            for row in rows(device):
                print("{:<17}{:>4}{:>6} {:<21}{:>12}{:>10.4f}{:>9.2f}{:>8.2f}{:>7.2f}".format(*row))
                if writer:
                    writer.writerow(row)
        except MissingPackageError as error:
            print(f"{device.name}: {error}", file=sys.stderr)


def rows(device: Device) -> Iterator[tuple[Any, ...]]:
    """Yields the rows of a device.

    Raises:
        MissingPackageError: Its runtime or compiler is not installed.
    """
    milliseconds = clock(device)
    for size, channels in SHAPES:
        madds, times = {}, {}
        for op in BLOCKS:
            convs = op_convs(op, channels, channels, 1, squeeze_excite=False)
            madds[op] = sum(conv.madds(side) for conv, side in placed(convs, size))
            times[op] = milliseconds(layer_graph(convs, size))
        for op in BLOCKS:
            more = madds[op] / madds[BOTTLENECK]
            longer = times[op] / times[BOTTLENECK]
            yield (
                *(device.name, size, channels, op.name),
                *(madds[op], times[op], more, longer, more / longer),
            )


def clock(device: Device) -> Clock:
    """Returns what tells the milliseconds of a graph on a device."""
    if device.source == "analytic":
        formula = HARDWARE[device.name].milliseconds
        return lambda graph: sum(formula(node) for node in graph.nodes)
    if device.source == "compiler":
        source = EthosSource(device)
        return lambda graph: source.compile(write_graph(graph, "int8")).latency_ms
    if device.name == "cpu-xnnpack":
        return lambda graph: fastest(load_tflite(write_graph(graph)))
    return lambda graph: fastest(load_onnx(write_onnx_graph(graph)))


def fastest(invoke: Callable[[], object]) -> float:
    """Returns the fastest of many runs, ms: a block alone is short enough to run undisturbed."""
    return min(thread_milliseconds(invoke) for _ in range(RUNS))


if __name__ == "__main__":
    typer.run(main)
