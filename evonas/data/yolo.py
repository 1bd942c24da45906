"""Reads YOLO-format data sets: `data.yaml`, images, and a text file of boxes for each image."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from evonas.errors import DataError
from evonas.files import read_lines

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
# Our split -> its names in `data.yaml`.
_SPLITS = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}

Boxes = list[tuple[str, tuple[float, float, float, float]]]


def read_yolo(
    file: Path,
) -> tuple[tuple[str, ...], dict[str, tuple[Path, ...]], Callable[[Path, int, int], Boxes]]:
    """Returns classes, images by split, and what gives an image's boxes.

    Args:
        file: The `data.yaml`, with `names`, `train` and perhaps `path`, `val` and `test`.

    Raises:
        DataError: Something is missing or wrong.
    """
    content = _content(file)
    names = content.get("names")
    if isinstance(names, dict):
        if not all(isinstance(key, int) for key in names):
            raise DataError(f"{file}: `names` must be a list, or names by number from 0")
        names = [names[key] for key in sorted(names)]
    if not isinstance(names, list) or not names:
        raise DataError(f"{file}: has no list of class `names`")
    classes = tuple(map(str, names))
    root = file.parent / str(content.get("path") or "")
    splits = {}
    for split, keys in _SPLITS.items():
        given = next((content[key] for key in keys if content.get(key)), None)
        if given is not None:
            splits[split] = _images(file, root, given)
    if "train" not in splits:
        raise DataError(f"{file}: names no images under `train`")
    return classes, splits, lambda image, width, height: _boxes(image, width, height, classes)


def _content(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{file}: not a readable YAML file ({error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{file}: must hold names and the folders of images")
    return content


def _images(file: Path, root: Path, given: Any) -> tuple[Path, ...]:
    found: list[Path] = []
    for entry in given if isinstance(given, list) else [given]:
        # Exported files often say `../train/images` for a folder that is beside them.
        candidates = [root / str(entry), file.parent / str(entry).removeprefix("../")]
        place = next((path for path in candidates if path.exists()), None)
        if place is None:
            raise DataError(f"{file}: no {candidates[0]}")
        if place.is_dir():
            found += sorted(p for p in place.rglob("*") if p.suffix.lower() in _SUFFIXES)
        else:
            found += [root / line.strip() for line in read_lines(place) if line.strip()]
    if not found:
        raise DataError(f"{file}: no images in {given}")
    return tuple(found)


def _boxes(image: Path, width: int, height: int, classes: tuple[str, ...]) -> Boxes:
    """Reads `labels/NAME.txt` where the image is `images/NAME`, or the file beside it.

    An image without a file has no boxes.
    """
    parts = list(image.parts)
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        parts[last] = "labels"
    file = Path(*parts).with_suffix(".txt")
    if not file.exists():
        return []
    boxes: Boxes = []
    for number, line in enumerate(read_lines(file), 1):
        if not line.strip():
            continue
        try:
            label, *numbers = line.split()
            x, y, wide, high = map(float, numbers)
            name = classes[int(label)] if int(label) >= 0 else classes[len(classes)]
        except (ValueError, IndexError) as error:
            raise DataError(
                f"{file}: line {number} must be a class from 0 to {len(classes) - 1} and centre, "
                f"width and height as shares of the image; it is {line!r}"
            ) from error
        boxes.append(
            (name, ((x - wide / 2) * width, (y - high / 2) * height, wide * width, high * height))
        )
    return boxes
