"""Readers of data sets in other formats; `read_source` finds the one that fits."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from evonas.data.coco_file import is_coco, locate_splits
from evonas.data.formats.coco import find_coco_files, read_coco_source
from evonas.data.formats.cvat import is_cvat, read_cvat
from evonas.data.formats.deeppcb import is_deeppcb, read_deeppcb
from evonas.data.formats.label_studio import is_label_studio, read_label_studio
from evonas.data.formats.lookup import walk
from evonas.data.formats.source import RawBox, RawImage, Source, is_unread_photograph
from evonas.data.formats.voc import read_voc, voc_files
from evonas.data.formats.yolo import FILES, read_flat_yolo, read_yolo
from evonas.errors import ConfigurationError, DataError, unknown_name
from evonas.limits import parse_json, printable, read_limited

__all__ = ["FORMATS", "RawBox", "RawImage", "Source", "read_source"]

FORMATS = ("coco", "voc", "yolo", "cvat", "labelstudio", "deeppcb")
_NEEDED = {
    "yolo": "; a data.yaml, or a classes.txt with a class name a line, must be in the folder"
}
_CLASS_FILES = ("classes.txt", "obj.names", "labels/classes.txt")


def read_source(
    path: Path, format: str = "", labels: Path | None = None, units: str = "shares"
) -> Source:
    """Reads a data set of any known format.

    Args:
        path: Its folder, or the file that describes it (`data.yaml`, XML, JSON).
        format: One of `FORMATS`; recognised if empty.
        labels: The folder of the labels of YOLO and VOC, where it has a name of its own.
        units: Of YOLO labels: "shares" or "pixels".

    Raises:
        DataError: It is not there, in no known format, or something in it is wrong.
        ConfigurationError: No such format, or an option that it has not.
    """
    if format and format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    if not os.path.exists(path):
        raise DataError(f"{path}: no such file or folder")
    try:
        found, read = _reader(path, format, labels, units)
        if labels is not None and found not in ("yolo", "voc"):
            raise ConfigurationError(f"--labels: {found} data names its own label files")
        if units != "shares" and found != "yolo":
            raise ConfigurationError(f"--units: only for YOLO labels; {path} is read as {found}")
        source = read()
        return replace(source, notes=(*source.notes, *_unread(path)))
    except OSError as error:  # a name too long, a folder that may not be read
        where = f" ({printable(error.filename, 80)})" if error.filename else ""
        raise DataError(f"{path}: cannot be read: {error.strerror or error}{where}") from error


def _reader(
    path: Path, format: str, labels: Path | None, units: str, depth: int = 2
) -> tuple[str, Callable[[], Source]]:
    """Returns the format that fits, and what reads the data set.

    One that is in no known format, but has a single folder in it, is that folder; `depth` times.
    """
    tries = {
        "deeppcb": _deeppcb,
        "coco": _coco,
        "voc": lambda path: _voc(path, labels),
        "yolo": lambda path: _yolo(path, labels, units),
        "cvat": _cvat,
        "labelstudio": _label_studio,
    }
    for name in (format,) if format else tries:
        read = tries[name](path)
        if read is not None:
            return name, read
    read = _coco_of_any_name(path) if format in ("", "coco") else None
    if read is not None:
        return "coco", read
    inner = _only_folder(path)
    if inner is not None and depth:
        return _reader(inner, format, labels, units, depth - 1)
    raise DataError(
        f"{path}: neither a data.yaml or classes.txt (YOLO) nor Annotations/ or XML files "
        "(Pascal VOC), CVAT's XML, Label Studio's JSON, COCO's JSON in a known layout, or "
        "DeepPCB's trainval.txt"
        if not format
        else f"{path}: holds no data set in the format {format}{_NEEDED.get(format, '')}"
    )


def _only_folder(path: Path) -> Path | None:
    """Returns the one folder in a folder, as archives unpack to."""
    if not path.is_dir():
        return None
    inside = [p for p in path.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))]
    return inside[0] if len(inside) == 1 else None


def _unread(path: Path) -> list[str]:
    """Says which photographs are in a format that is not read."""
    found = [p for p in walk(path) if is_unread_photograph(p)] if path.is_dir() else []
    if not found:
        return []
    kinds = ", ".join(sorted({file.suffix.lower() for file in found}))
    return [
        f"{len(found)} photographs are in a format that is not read ({kinds}) and were left out, "
        f"{printable(found[0].name)} the first; save them as JPEG or PNG"
    ]


def _deeppcb(path: Path) -> Callable[[], Source] | None:
    return (lambda: read_deeppcb(path)) if path.is_dir() and is_deeppcb(path) else None


def _coco(path: Path) -> Callable[[], Source] | None:
    if path.is_dir() and locate_splits(path):
        return lambda: read_coco_source(path)
    if path.suffix.lower() == ".json" and is_coco(parse_json(read_limited(path), str(path))):
        beside = path.parent.parent if path.parent.name.lower() == "annotations" else path.parent
        above = (path.parent / "images", path.parent.parent / "images", beside)
        images = next(folder for folder in above if folder.is_dir())
        return lambda: read_coco_source(path.parent, {"": (path, images)})
    return None


def _coco_of_any_name(path: Path) -> Callable[[], Source] | None:
    files = find_coco_files(path) if path.is_dir() else {}
    return (lambda: read_coco_source(path, files)) if files else None


def _voc(path: Path, labels: Path | None) -> Callable[[], Source] | None:
    if not path.is_dir() or any((path / name).is_file() for name in FILES):
        # A folder named Annotations may hold YOLO's labels too.
        if not path.is_dir() or not any(True for _ in (path / "Annotations").glob("*.xml")):
            return None
    files = voc_files(path, labels)[1]
    if not files or any(is_cvat(file) for file in files[:1]):
        return None
    return lambda: read_voc(path, labels)


def _yolo(path: Path, labels: Path | None, units: str) -> Callable[[], Source] | None:
    if path.suffix.lower() in (".yaml", ".yml"):
        return lambda: read_yolo(path, labels, units)
    if not path.is_dir():
        return None
    others = sorted(p for p in path.iterdir() if p.suffix.lower() in (".yaml", ".yml"))
    named = next((path / name for name in FILES if (path / name).is_file()), None)
    file = named or (others[0] if len(others) == 1 else None)
    if file is not None:
        return lambda: read_yolo(file, labels, units)
    classes = next((path / name for name in _CLASS_FILES if (path / name).is_file()), None)
    return (lambda: read_flat_yolo(path, classes, labels, units)) if classes else None


def _cvat(path: Path) -> Callable[[], Source] | None:
    file = _one_file(path, ".xml")
    return (lambda: read_cvat(file)) if file and is_cvat(file) else None


def _label_studio(path: Path) -> Callable[[], Source] | None:
    file = _one_file(path, ".json")
    if file is None or not is_label_studio(parse_json(read_limited(file), str(file))):
        return None
    return lambda: read_label_studio(file)


def _one_file(path: Path, suffix: str) -> Path | None:
    """Returns a file itself, or the one file of a suffix in a folder."""
    if path.is_file():
        return path if path.suffix.lower() == suffix else None
    files = [p for p in path.iterdir() if p.suffix.lower() == suffix and p.is_file()]
    return files[0] if len(files) == 1 else None
