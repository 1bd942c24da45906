"""Reads CVAT's XML: "CVAT for images", with boxes and outlines, whose enclosing boxes are taken."""

import math
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element

from evonas.data.formats.lookup import ImageIndex, split_of, walk
from evonas.data.formats.source import RawBox, RawImage, Source
from evonas.data.formats.yolo_labels import enclosing
from evonas.errors import DataError
from evonas.limits import printable, read_xml
from evonas.numbers import parse_number

_OUTLINES = ("polygon", "polyline", "points")


def is_cvat(file: Path) -> bool:
    """Returns whether an XML file begins as CVAT's do."""
    try:
        with file.open("rb") as opened:
            return b"<annotations" in opened.read(300)
    except OSError:
        return False


def read_cvat(file: Path) -> Source:
    """Reads one XML file; its images are looked for by name in its folder and below.

    Raises:
        DataError: It is no such file, or one of a video.
    """
    root = read_xml(file)
    if root.tag != "annotations":
        raise DataError(f"{file}: holds <{printable(root.tag)}>, expected CVAT's <annotations>")
    if root.find("track") is not None:
        raise DataError(f"{file}: of a video; export it from CVAT as 'CVAT for images 1.1'")
    index = ImageIndex(file.parent, walk(file.parent))
    ignored: Counter[str] = Counter()
    images = tuple(_image(file, entry, index, ignored) for entry in root.iter("image"))
    named = [(label.findtext("name") or "").strip() for label in root.iter("label")]
    used = {box.name for image in images for box in image.boxes}
    classes = dict.fromkeys([*filter(None, named), *sorted(used)])
    notes = tuple(
        f"{count} of CVAT's <{kind}> are no boxes" for kind, count in ignored.items() if count
    )
    return Source("CVAT", file.parent, tuple(classes), images, corners=True, notes=notes)


def _image(file: Path, entry: Element, index: ImageIndex, ignored: Counter[str]) -> RawImage:
    name = entry.get("name", "")
    try:
        size = (_side(entry, "width"), _side(entry, "height"))
        boxes = tuple(filter(None, (_box(shape, ignored) for shape in entry)))
    except ValueError as error:
        raise DataError(
            f"{file}: image {printable(name)!r} has a size, a box or an outline without numbers: "
            f"{printable(error)}"
        ) from error
    found = index.find(name)
    if len(found) > 1 and entry.get("subset"):  # it stands in a folder of that name
        found = [path for path in found if path.parent.name == entry.get("subset")] or found
    if len(found) > 1:
        raise DataError(f"{file}: {printable(name)!r} may be {found[0]} or {found[1]}")
    path = found[0] if found else file.parent / "images" / Path(name).name
    return RawImage(path, boxes, split_of(entry.get("subset", "")), size)


def _side(entry: Element, name: str) -> int:
    value = parse_number(entry.get(name, ""))
    if not 0 < value < 2**31:
        raise ValueError(f"{name} {value:g}")
    return int(value)


def _box(shape: Element, ignored: Counter[str]) -> RawBox | None:
    name = shape.get("label", "").strip()
    if shape.tag == "box":
        corners = [parse_number(shape.get(key, "")) for key in ("xtl", "ytl", "xbr", "ybr")]
        left, top, right, bottom = corners
        box = (left, top, right - left, bottom - top)
        angle = parse_number(shape.get("rotation") or 0)
        if angle:
            box = rotated(box, angle, ((left + right) / 2, (top + bottom) / 2))
    elif shape.tag in ("polygon", "polyline") and name:
        points = [
            tuple(map(parse_number, p.split(","))) for p in shape.get("points", "").split(";")
        ]
        box = enclosing([x for x, _ in points], [y for _, y in points])
    elif shape.tag == "mask":
        left, top, wide, high = (
            parse_number(shape.get(k, "")) for k in ("left", "top", "width", "height")
        )
        box = (left, top, wide, high)
    elif shape.tag == "ellipse" and not parse_number(shape.get("rotation") or 0):
        x, y, rx, ry = (parse_number(shape.get(key, "")) for key in ("cx", "cy", "rx", "ry"))
        box = (x - rx, y - ry, 2 * rx, 2 * ry)
    else:
        ignored[shape.tag] += shape.tag not in ("tag",)
        return None
    if not name:
        raise ValueError(f"a <{shape.tag}> without label")
    return RawBox(name, *box)


def rotated(
    box: tuple[float, float, float, float], degrees: float, about: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Returns the box around a box that is turned clockwise about a point."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    left, top, wide, high = box
    xs, ys = [], []
    for x, y in ((left, top), (left + wide, top), (left, top + high), (left + wide, top + high)):
        dx, dy = x - about[0], y - about[1]
        xs.append(about[0] + dx * cosine - dy * sine)
        ys.append(about[1] + dx * sine + dy * cosine)
    return enclosing(xs, ys)
