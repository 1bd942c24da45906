"""Reads one Pascal-VOC XML file."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from evonas.data.formats.source import RawBox
from evonas.errors import DataError
from evonas.limits import read_xml
from evonas.numbers import parse_number


@dataclass(frozen=True, slots=True)
class VocFile:
    """What a file says of its image.

    Attributes:
        path: The file.
        filename: The image's name that it states; may be empty.
        size: The image's width and height that it states, if it states any.
        boxes: The objects.
    """

    path: Path
    filename: str
    size: tuple[int, int] | None
    boxes: tuple[RawBox, ...]


def read_voc_file(file: Path) -> VocFile:
    """Reads a file.

    Raises:
        DataError: It is no XML of that kind.
    """
    root = read_xml(file)
    try:
        boxes = tuple(_box(file, entry) for entry in root.iter("object"))
        size = _size(root)
    except ValueError as error:
        raise DataError(f"{file}: cannot be read: {error}") from error
    return VocFile(file, (root.findtext("filename") or "").strip(), size, boxes)


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    """Returns the stated size; tools that do not know it write 0."""
    width, height = (
        parse_number(root.findtext(f"size/{side}") or 0) for side in ("width", "height")
    )
    return (int(width), int(height)) if 0 < width < 1e9 and 0 < height < 1e9 else None


def _box(file: Path, entry: ElementTree.Element) -> RawBox:
    name, box = (entry.findtext("name") or "").strip(), entry.find("bndbox")
    if not name or box is None:
        raise DataError(f"{file}: an object without name or bndbox")
    left, top, right, bottom = (
        parse_number(box.findtext(key) or "") for key in ("xmin", "ymin", "xmax", "ymax")
    )
    difficult = (entry.findtext("difficult") or "0").strip().lower() in ("1", "true")
    (left, width), (top, height) = _side(left, right), _side(top, bottom)
    return RawBox(name, left, top, width, height, difficult)


def _side(first: float, last: float) -> tuple[float, float]:
    """Returns where a side begins and its length, negative where the corners are swapped.

    VOC counts pixels from 1 and includes the last one; a box from a pixel to itself is one that
    a click made, and has no size.
    """
    if last > first:
        return first - 1, last - first + 1
    if last < first:
        return first, last - first - 1
    return first - 1, last - first
