"""All files of a detector, each checked against the network in torch that it comes from."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from evonas.data.coco import CocoDataset
from evonas.data.tensors import load_tensors
from evonas.detector import Detections
from evonas.detector.archive import Archive, save_archive
from evonas.errors import ConfigurationError, DataError, EvonasError, SchemaError
from evonas.export.onnx import OnnxDetector, export_onnx
from evonas.export.tflite import TFLiteDetector, export_tflite
from evonas.files import read_json, write_atomically
from evonas.json_values import without_nan
from evonas.latency import list_devices
from evonas.latency.sources.ethos import EthosSource
from evonas.limits import printable
from evonas.training.validation import Validation, as_input

FORMATS = ("archive", "onnx", "onnx-nms", "tflite", "tflite-int8")

# Images on which a file's outputs are compared with torch's, and the largest difference allowed,
# relative to the outputs' size where that is above 1.
_COMPARED = 4
_TOLERANCE = 1e-4
_PIXELS = 0.01  # largest difference of a box's side in an ONNX file with suppression


@dataclass(frozen=True, slots=True)
class Exported:
    """One written file.

    Attributes:
        format: Which of `FORMATS`, or `vela`.
        file: Its name.
        size: Bytes.
        difference: Largest difference from torch's outputs; NaN where it is not comparable.
        map: COCO AP on the validation images; NaN without them.
        notes: What else there is to know.
    """

    format: str
    file: str
    size: int
    difference: float = float("nan")
    map: float = float("nan")
    notes: str = ""


class ExportError(EvonasError):
    """A written file does not do what the network does."""


def export_detector(
    archive: Archive,
    out: Path,
    formats: Sequence[str] = FORMATS,
    calibration: Tensor | None = None,
    validation: CocoDataset | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[Exported]:
    """Writes a detector's files into a folder, and `card.json` with what was found.

    Args:
        archive: The detector.
        out: The folder; it is made.
        formats: Which files.
        calibration: For `tflite-int8`, images (n, 3, size, size) uint8.
        validation: Images on which AP is measured, of torch's network and of every TFLite file.
        report: Told what is being done.

    Raises:
        ConfigurationError: An unknown format, int8 without images, or a folder with files of
            another network that would stay.
        ExportError: A file's outputs differ from torch's.
        DataError: The folder cannot be written.
    """
    unknown = set(formats) - set(FORMATS)
    if unknown:
        raise ConfigurationError(
            f"unknown format {', '.join(sorted(unknown))}; known: {', '.join(FORMATS)}"
        )
    if "tflite-int8" in formats and calibration is None:
        raise ConfigurationError(
            "tflite-int8 needs images for calibration: give --data, or other formats"
        )
    kept = _kept_files(archive, out, formats)
    measure = _Measure(archive, validation)
    if validation is not None:
        report("AP of the network")
        map_, map50 = measure.torch()
        metrics = {**archive.card.metrics, "map": map_, "map50": map50}
        of = f"{len(validation)} images of {validation.annotation_file}"
        archive = replace(archive, card=replace(archive.card, metrics=metrics, metrics_of=of))
    written: list[Exported] = []
    for name in FORMATS:
        if name in formats:
            report(name)
            written += _WRITERS[name](archive, out, calibration, measure)
    card = {
        **asdict(archive.card),
        "image_size": archive.image_size,
        "files": [*kept, *(asdict(entry) for entry in written)],
    }
    text = json.dumps(without_nan(card), indent=2)
    write_atomically(out / "card.json", (text + "\n").encode())
    return written


def _kept_files(archive: Archive, out: Path, formats: Sequence[str]) -> list[dict[str, Any]]:
    """Returns what the folder's card says of files that stay.

    Raises:
        ConfigurationError: They are another network's, which the new card would be wrong about.
    """
    path = out / "card.json"
    if not path.exists():
        return []
    try:
        card = read_json(path, "the card of an export")
    except SchemaError as error:
        raise ConfigurationError(f"{error}; remove it, or name another folder") from error
    listed = card.get("files")
    files = [entry for entry in listed if isinstance(entry, dict)] if listed else []
    again = {*formats, *(("vela",) if "tflite-int8" in formats else ())}
    kept = [entry for entry in files if entry.get("format") not in again]
    ours = json.loads(json.dumps(without_nan(asdict(archive.card))))
    other = [name for name in ("architecture", "classes", "made") if card.get(name) != ours[name]]
    if kept and other:
        names = ", ".join(printable(entry.get("file") or "-", 60) for entry in kept)
        raise ConfigurationError(
            f"{out}: holds {names} of another network (its {other[0]} differs); name another "
            "folder, or write these formats again, too"
        )
    return kept


class _Measure:
    """Compares a file's runner with the network in torch."""

    def __init__(self, archive: Archive, validation: CocoDataset | None) -> None:
        self._detector = archive.detector.eval()
        self._skeleton = archive.detector.architecture.skeleton
        size = archive.image_size
        card = archive.card
        self._validation = (
            None
            if validation is None
            else Validation(validation, size, card.protocol, card.resizing)
        )
        noise = torch.rand(_COMPARED, 3, size, size, generator=torch.Generator().manual_seed(0))
        images = noise * 2 - 1 if self._validation is None else self._validation.images[:_COMPARED]
        self.images = images.contiguous()
        with torch.inference_mode():
            self.outputs = self._detector(images)

    def torch(self) -> tuple[float, float]:
        """Returns AP and AP50 in torch."""
        assert self._validation is not None
        return self._validation.score(self._detector)

    def difference(self, outputs: tuple[Tensor, ...], file: str) -> float:
        """Returns the largest difference of codes and logits.

        Raises:
            ExportError: It is beyond what rounding explains.
        """
        pairs = list(zip(self.outputs, outputs, strict=True))
        worst = max(float((ours - theirs).abs().max()) for ours, theirs in pairs)
        if not all(torch.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE) for a, b in pairs):
            raise ExportError(f"{file}: outputs differ from the network's by up to {worst:.2g}")
        return worst

    def map(self, runner: TFLiteDetector) -> float:
        """Returns a runner's AP; NaN without images."""
        if self._validation is None:
            return float("nan")
        outputs = (runner(images) for images in self._validation.batches())
        detections = self._validation.detections(outputs, self._skeleton)
        return self._validation.precision(detections)[0]


def _archive(
    archive: Archive, out: Path, calibration: Tensor | None, measure: _Measure
) -> list[Exported]:
    path = out / "detector.safetensors"
    save_archive(path, archive)
    map_ = archive.card.metrics.get("map", float("nan"))
    return [Exported("archive", path.name, path.stat().st_size, 0.0, map_)]


def _onnx(
    archive: Archive, out: Path, calibration: Tensor | None, measure: _Measure
) -> list[Exported]:
    data = export_onnx(archive)
    path = out / "detector.onnx"
    difference = measure.difference(OnnxDetector(data)(measure.images), path.name)
    write_atomically(path, data)
    return [Exported("onnx", path.name, len(data), difference)]


def _onnx_nms(
    archive: Archive, out: Path, calibration: Tensor | None, measure: _Measure
) -> list[Exported]:
    data = export_onnx(archive, nms=True)
    path = out / "detector-nms.onnx"
    found = Detections(*OnnxDetector(data)(measure.images))
    ours = archive.detect_normalised(measure.images)
    worst = float((found.scores - ours.scores).abs().max())
    # Detections of nearly the same score may stand in either order.
    alone = (ours.scores.diff(dim=1).abs() > 2 * _TOLERANCE).float()
    alone = F.pad(alone, (1, 0), value=1) * F.pad(alone, (0, 1), value=1) > 0
    same = torch.equal(found.labels[alone], ours.labels[alone])
    same = same and torch.allclose(found.boxes[alone], ours.boxes[alone], atol=_PIXELS)
    if worst > _TOLERANCE or not same:
        raise ExportError(
            f"{path.name}: other detections than the network's; scores differ by up to {worst:.2g}"
        )
    write_atomically(path, data)
    notes = f"boxes, scores and labels; {int((found.labels >= 0).sum())} detections compared"
    return [Exported("onnx-nms", path.name, len(data), worst, notes=notes)]


def _tflite(
    archive: Archive, out: Path, calibration: Tensor | None, measure: _Measure
) -> list[Exported]:
    data = export_tflite(archive.detector)
    path = out / "detector.tflite"
    runner = _runner(archive, data)
    difference = measure.difference(runner(measure.images), path.name)
    write_atomically(path, data)
    return [Exported("tflite", path.name, len(data), difference, measure.map(runner))]


def _tflite_int8(
    archive: Archive, out: Path, calibration: Tensor | None, measure: _Measure
) -> list[Exported]:
    assert calibration is not None
    data = export_tflite(archive.detector, "int8", as_input(calibration))
    path = out / "detector-int8.tflite"
    runner = _runner(archive, data)
    if not runner.is_int8():
        raise ExportError(f"{path.name}: an operator is not int8")
    write_atomically(path, data)
    map_ = measure.map(runner)
    lost = archive.card.metrics.get("map", float("nan")) - map_
    cost = f"AP {-lost:+.4f} against float32; " if map_ == map_ else ""
    operators = ", ".join(runner.operators())
    notes = f"{cost}calibrated on {len(calibration)} images; all int8: {operators}"
    entry = Exported("tflite-int8", path.name, len(data), map=map_, notes=notes)
    return [entry, *_vela(data, out)]


def _runner(archive: Archive, data: bytes) -> TFLiteDetector:
    return TFLiteDetector(data, len(archive.card.classes))


def _vela(tflite: bytes, out: Path) -> list[Exported]:
    """Writes what Arm's compiler says of the int8 file, for every NPU of the catalogue."""
    written = []
    for device in list_devices():
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
        text = json.dumps(content, indent=2) + "\n"
        write_atomically(path, text.encode())
        notes = f"{device.name}: {measurement.latency_ms:.3f} ms by its compiler"
        written.append(Exported("vela", path.name, len(text), notes=notes))
    return written


_WRITERS: dict[str, Callable[[Archive, Path, Tensor | None, _Measure], list[Exported]]] = {
    "archive": _archive,
    "onnx": _onnx,
    "onnx-nms": _onnx_nms,
    "tflite": _tflite,
    "tflite-int8": _tflite_int8,
}


def calibration_images(
    dataset: CocoDataset, image_size: int, count: int = 200, resizing: str = "antialiased"
) -> Tensor:
    """Returns the first images of a data set, (n, 3, image_size, image_size) uint8."""
    return load_tensors(dataset.first(count), image_size, resizing).images
