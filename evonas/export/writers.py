"""One function per format: writes the file, and checks it before it is kept."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evonas.data.coco import CocoDataset
from evonas.detector import Detections, anchor_boxes
from evonas.detector.archive import Archive, save_archive
from evonas.errors import ConfigurationError, DataError
from evonas.export.decoding import ANCHORS, anchors_file
from evonas.export.detection_file import TorchDetectionFile
from evonas.export.onnx import OnnxDetector, export_onnx
from evonas.export.post_processing import export_detection_tflite, operator_protocol
from evonas.export.rounding import ExportError, Rounding, RoundingJudge
from evonas.export.suppression import SuppressionCheck
from evonas.export.tflite import Ranges, TFLiteDetector, calibrated_ranges, export_tflite
from evonas.files import write_atomically
from evonas.json_values import without_nan
from evonas.latency import list_devices, own_npus
from evonas.latency.sources.ethos import EthosSource
from evonas.training.validation import Validation, as_input

_COMPARED = 2  # images


@dataclass(frozen=True, slots=True)
class Exported:
    """One written file.

    Attributes:
        format: One of the formats, `vela` or `anchors`.
        file: Its name.
        size: Bytes.
        difference: Largest difference from the network in float64, relative to the outputs' size;
            NaN where it is not comparable.
        map: COCO AP on the validation images; NaN without them.
        notes: What else there is to know.
        rounding: Of codes and logits, where `difference` is told.
    """

    format: str
    file: str
    size: int
    difference: float = float("nan")
    map: float = float("nan")
    notes: str = ""
    rounding: tuple[Rounding, ...] = ()


class Workbench:
    """A detector with what its files are checked by, each made once and when it is needed.

    Attributes:
        archive: The detector.
        out: Where files are written.
    """

    def __init__(
        self,
        archive: Archive,
        out: Path,
        calibration: Tensor | None,
        validation: CocoDataset | None,
    ) -> None:
        self.archive, self.out, self._calibration = archive, out, calibration
        card, size = archive.card, archive.image_size
        self._validation = (
            None
            if validation is None
            else Validation(validation, size, card.protocol, card.resizing)
        )

    @cached_property
    def judge(self) -> RoundingJudge:
        """The network in float64, on a few images."""
        if self._validation is not None:
            return RoundingJudge(self.archive.detector, self._validation.images[:_COMPARED])
        size, random = self.archive.image_size, torch.Generator().manual_seed(0)
        noise = torch.rand(_COMPARED, 3, size, size, generator=random)
        return RoundingJudge(self.archive.detector, noise * 2 - 1)

    @cached_property
    def ranges(self) -> Ranges:
        """Of all tensors, for int8."""
        assert self._calibration is not None, "int8 needs images for calibration"
        return calibrated_ranges(self.archive.detector, as_input(self._calibration))

    @property
    def calibrated_on(self) -> str:
        """Says on how many images the ranges stand."""
        count = 0 if self._calibration is None else len(self._calibration)
        return f"calibrated on {count} images"

    @cached_property
    def tflite(self) -> bytes:
        """The raw float32 file."""
        return export_tflite(self.archive.detector)

    @cached_property
    def tflite_int8(self) -> bytes:
        """The raw int8 file."""
        return export_tflite(self.archive.detector, "int8", self.ranges)

    def runner(self, tflite: bytes) -> TFLiteDetector:
        """Returns what runs a raw file."""
        return TFLiteDetector(tflite, len(self.archive.card.classes))

    def torch_map(self) -> tuple[float, float]:
        """Returns AP and AP50 in torch."""
        assert self._validation is not None
        return self._validation.score(self.archive.detector)

    def map(self, runner: TFLiteDetector | TorchDetectionFile) -> float:
        """Returns the AP of a file; NaN without images."""
        validation = self._validation
        if validation is None:
            return math.nan
        if isinstance(runner, TorchDetectionFile):
            found = validation.found([runner(images) for images in validation.batches()])
        else:
            outputs = (runner(images) for images in validation.batches())
            found = validation.detections(outputs, self.archive.detector.architecture.skeleton)
        return validation.precision(found)[0]

    def lost(self, map_: float) -> str:
        """Says what a file's AP is against the network's."""
        if map_ != map_:
            return ""
        return f"AP {map_ - self.archive.card.metrics.get('map', math.nan):+.4f} against float32; "

    def write(self, name: str, data: bytes) -> int:
        """Writes a file; returns its size."""
        write_atomically(self.out / name, data)
        return len(data)

    def write_anchors(self) -> Exported:
        """Writes the anchors that raw outputs are decoded with."""
        data = anchors_file(self.archive.detector.architecture)
        notes = "centre y, centre x, height, width, as shares of the side; see decoding"
        return Exported("anchors", ANCHORS, self.write(ANCHORS, data), notes=notes)


def _archive(bench: Workbench) -> list[Exported]:
    path, archive = bench.out / "detector.safetensors", bench.archive
    save_archive(path, archive)
    map_ = archive.card.metrics.get("map", math.nan)
    return [Exported("archive", path.name, path.stat().st_size, 0.0, map_)]


def _onnx(bench: Workbench) -> list[Exported]:
    data, name = export_onnx(bench.archive), "detector.onnx"
    rounding = bench.judge.check(OnnxDetector(data)(bench.judge.images), name)
    return [_raw("onnx", name, bench.write(name, data), rounding)]


def _onnx_nms(bench: Workbench) -> list[Exported]:
    archive, images, name = bench.archive, bench.judge.images, "detector-nms.onnx"
    codes, logits = OnnxDetector(export_onnx(archive))(images)
    bench.judge.check((codes, logits), name)
    data = export_onnx(archive, nms=True)
    found = Detections(*OnnxDetector(data)(images))
    skeleton, protocol = archive.detector.architecture.skeleton, archive.card.detection
    anchors, size = anchor_boxes(skeleton), archive.image_size
    count = SuppressionCheck(codes, logits, anchors, size, protocol).check(found, name)
    notes = f"boxes, scores and labels; {count} detections checked"
    return [Exported("onnx-nms", name, bench.write(name, data), notes=notes)]


def _tflite(bench: Workbench) -> list[Exported]:
    data, name = bench.tflite, "detector.tflite"
    runner = bench.runner(data)
    rounding = bench.judge.check(runner(bench.judge.images), name)
    return [_raw("tflite", name, bench.write(name, data), rounding, bench.map(runner))]


def _tflite_int8(bench: Workbench) -> list[Exported]:
    data, name = bench.tflite_int8, "detector-int8.tflite"
    runner = bench.runner(data)
    if not runner.is_int8():
        raise ExportError(f"{name}: an operator is not int8")
    size, map_ = bench.write(name, data), bench.map(runner)
    operators = ", ".join(runner.operators())
    notes = f"{bench.lost(map_)}{bench.calibrated_on}; all int8: {operators}"
    entry = Exported("tflite-int8", name, size, map=map_, notes=notes)
    return [entry, *_vela(data, bench.out)]


def _tflite_post(bench: Workbench) -> list[Exported]:
    name = "detector-post.tflite"
    rounding = bench.judge.check(bench.runner(bench.tflite)(bench.judge.images), name)
    entry = _post(bench, "tflite-post", name, bench.tflite, None)
    return [replace(entry, rounding=tuple(rounding))]


def _tflite_int8_post(bench: Workbench) -> list[Exported]:
    name = "detector-int8-post.tflite"
    entry = _post(bench, "tflite-int8-post", name, bench.tflite_int8, bench.ranges)
    notes = f"{bench.lost(entry.map)}{bench.calibrated_on}; uint8 images; {entry.notes}"
    return [replace(entry, notes=notes)]


def _post(
    bench: Workbench,
    kind: str,
    name: str,
    raw: bytes,
    ranges: Mapping[str, tuple[float, float]] | None,
) -> Exported:
    """Writes a file with post-processing, once its boxes follow from the raw file's outputs."""
    archive, images = bench.archive, bench.judge.images
    data = export_detection_tflite(archive, ranges)
    runner = TorchDetectionFile(data, archive.image_size, len(archive.card.classes))
    codes, logits = bench.runner(raw)(images)
    anchors = anchor_boxes(archive.detector.architecture.skeleton)
    protocol = operator_protocol(archive)
    check = SuppressionCheck(codes, logits, anchors, archive.image_size, protocol, math.inf)
    count = check.check(runner(images), name)
    notes = f"labels and metadata; {protocol}; {count} detections checked"
    return Exported(kind, name, bench.write(name, data), map=bench.map(runner), notes=notes)


def _raw(
    kind: str, name: str, size: int, rounding: list[Rounding], map_: float = math.nan
) -> Exported:
    largest = max(entry.largest for entry in rounding)
    return Exported(kind, name, size, largest, map_, rounding=tuple(rounding))


def _vela(tflite: bytes, out: Path) -> list[Exported]:
    """Writes what Arm's compiler says of the int8 file, for every NPU known here."""
    written = []
    for device in (*list_devices(), *own_npus()):
        if device.npu is None:
            continue
        path = out / f"vela-{device.name}.json"
        try:
            source = EthosSource(device)
            measurement = source.compile(tflite)
        except (ConfigurationError, DataError) as error:  # no Vela, or an operator it cannot map
            written.append(Exported("vela", "", 0, notes=f"{device.name}: {error}"))
            continue
        content: dict[str, Any] = {"device": device.name, "source": "compiler"}
        content |= asdict(measurement) | {"versions": source.versions}
        text = json.dumps(without_nan(content), indent=2) + "\n"
        write_atomically(path, text.encode())
        said = measurement.reason or f"{measurement.latency_ms:.3f} ms"
        notes = f"{device.name}: {said} by its compiler"
        written.append(Exported("vela", path.name, len(text), notes=notes))
    return written


WRITERS: dict[str, Callable[[Workbench], list[Exported]]] = {
    "archive": _archive,
    "onnx": _onnx,
    "onnx-nms": _onnx_nms,
    "tflite": _tflite,
    "tflite-int8": _tflite_int8,
    "tflite-post": _tflite_post,
    "tflite-int8-post": _tflite_int8_post,
}
