"""All files of a detector, each checked against the network in torch that it comes from."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from evonas.data.coco import CocoDataset
from evonas.data.tensors import load_tensors
from evonas.detector.archive import Archive
from evonas.errors import ConfigurationError, SchemaError
from evonas.export.decoding import decoding
from evonas.export.rounding import ExportError
from evonas.export.writers import WRITERS, Exported, Workbench
from evonas.files import read_json, write_atomically
from evonas.json_values import without_nan
from evonas.limits import printable

__all__ = ["FORMATS", "INT8", "ExportError", "Exported", "calibration_images", "export_detector"]

FORMATS = tuple(WRITERS)
INT8 = frozenset({"tflite-int8", "tflite-int8-post"})  # these need images
# What else is written with a format.
_BESIDE = {"onnx": ("anchors",), "tflite": ("anchors",), "tflite-int8": ("anchors", "vela")}


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
        calibration: For int8, images (n, 3, size, size) uint8.
        validation: Images on which AP is measured, of torch's network and of every TFLite file.
        report: Told what is being done.

    Raises:
        ConfigurationError: An unknown format, int8 without images, or a folder with files of
            another network that would stay.
        ExportError: A file's outputs differ from the network's by more than rounding explains.
        DataError: The folder cannot be written.
    """
    unknown = set(formats) - set(FORMATS)
    if unknown:
        raise ConfigurationError(
            f"unknown format {', '.join(sorted(unknown))}; known: {', '.join(FORMATS)}"
        )
    unfed = [name for name in FORMATS if name in INT8 and name in formats]
    if unfed and calibration is None:
        raise ConfigurationError(
            f"{unfed[0]} needs images for calibration: give --data, or other formats"
        )
    kept = _kept_files(archive, out, formats)
    bench = Workbench(archive, out, calibration, validation)
    if validation is not None:
        report("AP of the network")
        map_, map50 = bench.torch_map()
        metrics = {**archive.card.metrics, "map": map_, "map50": map50}
        of = f"{len(validation)} images of {validation.annotation_file}"
        archive = replace(archive, card=replace(archive.card, metrics=metrics, metrics_of=of))
        bench.archive = archive
    written: list[Exported] = []
    for name in FORMATS:
        if name in formats:
            report(name)
            written += WRITERS[name](bench)
    if any("anchors" in _BESIDE.get(name, ()) for name in formats):
        written.append(bench.write_anchors())
    card = {
        **asdict(archive.card),
        "image_size": archive.image_size,
        "decoding": decoding(archive.detector.architecture),
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
    again = {*formats, *(beside for name in formats for beside in _BESIDE.get(name, ()))}
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


def calibration_images(
    dataset: CocoDataset, image_size: int, count: int = 200, resizing: str = "antialiased"
) -> Tensor:
    """Returns the first images of a data set, (n, 3, image_size, image_size) uint8."""
    return load_tensors(dataset.first(count), image_size, resizing).images
