"""Reads Label Studio's JSON exports, in full and "JSON-MIN"."""

import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from evonas.data.formats.cvat import rotated
from evonas.data.formats.lookup import ImageIndex, walk
from evonas.data.formats.source import RawBox, RawImage, Source, is_image
from evonas.data.formats.yolo_labels import enclosing
from evonas.errors import DataError
from evonas.limits import parse_json, printable, read_limited
from evonas.numbers import parse_number

_UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # put before the names of uploaded files
_BOXES, _OUTLINES = "rectanglelabels", "polygonlabels"


def is_label_studio(content: Any) -> bool:
    """Returns whether parsed JSON is a list of Label Studio's tasks."""
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        return False
    task = content[0]
    return "data" in task or ("annotation_id" in task and "image" in task)


def read_label_studio(file: Path) -> Source:
    """Reads one export; images are looked for by name in its folder and below.

    Of a task annotated several times the one marked as ground truth is taken, else the last.

    Raises:
        DataError: It is no such file.
    """
    content = parse_json(read_limited(file), str(file))
    if not is_label_studio(content):
        raise DataError(f"{file}: no list of Label Studio's tasks")
    index = ImageIndex(file.parent, walk(file.parent))
    counts: Counter[str] = Counter()
    images = tuple(
        _image(f"{file}: task {n}", task, index, counts) for n, task in enumerate(content, 1)
    )
    classes = sorted({box.name for image in images for box in image.boxes})
    notes = tuple(f"{count} {what}" for what, count in counts.items() if count)
    return Source("Label Studio", file.parent, tuple(classes), images, shares=True, notes=notes)


def _image(where: str, task: Any, index: ImageIndex, counts: Counter[str]) -> RawImage:
    if not isinstance(task, dict):
        raise DataError(f"{where}: expected an object")
    path = _path(where, task, index)
    results = _results(where, task, counts)
    if results is None:
        return RawImage(path, labelled=False)
    if any(result.get("image_rotation") for result in results):
        raise DataError(f"{where}: its image was turned in Label Studio; turn it back there")
    try:
        found = [_box(result, counts) for result in results]
        sizes = {
            (int(result["original_width"]), int(result["original_height"]))
            for result in results
            if "original_width" in result
        }
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise DataError(
            f"{where}: an annotation without its numbers or label ({printable(error)})"
        ) from error
    size = sizes.pop() if len(sizes) == 1 else None
    return RawImage(path, tuple(filter(None, found)), size=size)


def _results(where: str, task: dict[str, Any], counts: Counter[str]) -> list[Any] | None:
    """Returns the shapes of a task, or None where it is not annotated."""
    if "data" not in task:  # JSON-MIN: the shapes stand under the name of the control
        lists = [v for v in task.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
        return [shape for shapes in lists for shape in shapes if isinstance(shape, dict)]
    given = task.get("annotations", task.get("completions"))
    if not isinstance(given, list):
        raise DataError(f"{where}: no list under 'annotations'")
    done = [a for a in given if isinstance(a, dict) and not a.get("was_cancelled")]
    if not done:
        return None
    counts["tasks were annotated several times; one was taken"] += len(done) > 1
    chosen = next((a for a in done if a.get("ground_truth")), done[-1])
    results = chosen.get("result")
    if not isinstance(results, list) or not all(isinstance(r, dict) for r in results):
        raise DataError(f"{where}: no list of objects under 'result'")
    return results


def _box(result: dict[str, Any], counts: Counter[str]) -> RawBox | None:
    """Returns a shape's box in shares of the image; Label Studio states per cent."""
    value = result.get("value", result)
    if _BOXES in value:
        box = tuple(parse_number(value[key]) / 100 for key in ("x", "y", "width", "height"))
        left, top, wide, high = box
        angle = parse_number(value.get("rotation") or 0)
        if angle:
            across, down = (
                parse_number(result[f"original_{side}"]) for side in ("width", "height")
            )
            pixels = (left * across, top * down, wide * across, high * down)
            # It is turned about its own left upper corner.
            left, top, wide, high = rotated(pixels, angle, pixels[:2])
            left, top, wide, high = left / across, top / down, wide / across, high / down
        return RawBox(str(value[_BOXES][0]), left, top, wide, high)
    if _OUTLINES in value:
        xs, ys = zip(*(map(_share, point) for point in value["points"]), strict=True)
        return RawBox(str(value[_OUTLINES][0]), *enclosing(list(xs), list(ys)))
    counts["shapes are neither boxes nor polygons"] += 1
    return None


def _share(per_cent: Any) -> float:
    return parse_number(per_cent) / 100


def _path(where: str, task: dict[str, Any], index: ImageIndex) -> Path:
    """Returns the image of a task, by the name of its upload, file or address."""
    data = task.get("data", task)
    values = [v for v in data.values() if isinstance(v, str)] if isinstance(data, dict) else []
    texts = [str(task["file_upload"])] if task.get("file_upload") else []
    texts += [text for value in values if (text := _file_of(value))]
    for text in texts:
        name = text.rsplit("/", 1)[-1]
        for candidate in (text, name, _UPLOAD.sub("", name)):
            found = index.find(candidate)
            if len(found) > 1:
                raise DataError(f"{where}: {printable(name)!r} may be {found[0]} or {found[1]}")
            if found:
                return found[0]
    if not texts:
        raise DataError(f"{where}: does not name an image")
    return index.root / Path(texts[0]).name


def _file_of(value: str) -> str:
    """Returns the file that an address names, or an empty text if it names no image."""
    try:
        parts = urlsplit(value.replace("\\", "/"))
        query = parse_qs(parts.query).get("d", [])  # /data/local-files/?d=folder/file.jpg
    except ValueError:
        return ""
    path = query[0] if query else unquote(parts.path)
    return path if is_image(Path(path)) else ""
