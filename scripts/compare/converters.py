"""One network through our TFLite writer and through litert-torch, Google's converter.

    pip install litert-torch
    python -m scripts.compare.converters

Both files go to Vela (int8) and to LiteRT with XNNPACK (fp32): a latency of evonas is one of what
a user's own conversion would run. Weights are random in both; int8 ranges are ours by assumption,
theirs from random images.
"""

import time
import warnings
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from evonas.detector import Detector
from evonas.graph.tflite import write_tflite
from evonas.latency import list_devices
from evonas.latency.sources.ethos import EthosSource
from evonas.latency.sources.runtimes import load_tflite, thread_milliseconds
from evonas.space import Architecture, load_published

NETWORKS = ("mobiledet-cpu", "mobiledet-edgetpu", "mobiledet-dsp")
_CALIBRATION = 4
_REPEATS = 20


class Maps(nn.Module):
    """A detector up to the maps of its head, which is where our files end."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.detector = Detector(architecture)
        self.detector.fold()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Returns all maps, boxes and classes by turns."""
        boxes, classes = self.detector.maps(images, self.detector.architecture)
        return [output for pair in zip(boxes, classes, strict=True) for output in pair]


def convert(architecture: Architecture) -> bytes:
    """Returns the fp32 TFLite file that litert-torch makes, with NHWC input and outputs."""
    import litert_torch

    size = architecture.skeleton.image_size
    outputs = list(range(2 * len(list(architecture.levels()))))
    network = litert_torch.to_channel_last_io(Maps(architecture), args=[0], outputs=outputs)
    return bytes(litert_torch.convert(network.eval(), (_images(size),)).model_content())


def quantise(file: bytes, size: int) -> bytes:
    """Returns the int8 file that Google's quantiser makes of an fp32 one, int8 at its ends too."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    ((name, signature),) = Interpreter(model_content=file).get_signature_list().items()
    (image,) = signature["inputs"]
    quantiser = quantizer.Quantizer(bytearray(file), recipe.static_wi8_ai8())
    samples = [{image: _images(size).numpy()} for _ in range(_CALIBRATION)]
    return bytes(quantiser.quantize(quantiser.calibrate({name: samples})).quantized_model)


def _images(size: int) -> Tensor:
    return torch.rand(1, size, size, 3) * 2 - 1


def side_by_side(*files: bytes) -> list[float]:
    """Returns the least milliseconds of each file on LiteRT, one thread, run by turns."""
    invokes = [load_tflite(file) for file in files]
    times = [[thread_milliseconds(invoke) for invoke in invokes] for _ in range(_REPEATS)]
    return [min(column) for column in zip(*times, strict=True)]


def operators(file: bytes) -> list[tuple[int, int, tuple[int, ...]]]:
    """Returns each operator's code, fused activation and output shape, sorted."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file, 0))
    (graph,) = model.subgraphs
    return sorted(
        (
            model.operatorCodes[operator.opcodeIndex].builtinCode,
            getattr(operator.builtinOptions, "fusedActivationFunction", None) or 0,
            tuple(int(n) for n in graph.tensors[operator.outputs[0]].shape),
        )
        for operator in graph.operators
    )


def main(
    network: Annotated[list[str] | None, typer.Option(help="Published networks.")] = None,
) -> None:
    """Prints both latencies and their ratio, and whether both files have the same operators."""
    torch.manual_seed(0)
    warnings.filterwarnings("ignore")
    table = Table("network", "device", "ours, ms", "litert-torch, ms", "ratio", "to convert, s")
    for name in network or NETWORKS:
        architecture = load_published(name)
        began = time.perf_counter()
        fp32 = convert(architecture)
        int8 = quantise(fp32, architecture.skeleton.image_size)
        seconds = time.perf_counter() - began
        for device in list_devices():
            if device.npu is not None:
                source = EthosSource(device)
                ours = source.measure(architecture).latency_ms
                theirs = source.compile(int8).latency_ms
                _add(table, name, device.name, ours, theirs, seconds)
        own = write_tflite(architecture)
        same = operators(own) == operators(fp32)
        print(f"{name}: operators, activations and shapes {'the same' if same else 'differ'}")
        ours, theirs = side_by_side(own, fp32)
        _add(table, name, "cpu-xnnpack", ours, theirs, seconds)
    Console().print(table)


def _add(table: Table, name: str, device: str, ours: float, theirs: float, seconds: float) -> None:
    ratio = f"{theirs / ours:.3f}"
    table.add_row(name, device, f"{ours:.3f}", f"{theirs:.3f}", ratio, f"{seconds:.0f}")


if __name__ == "__main__":
    typer.run(main)
