"""Reads YOLO-format data sets: `data.yaml`, images, and a text file of boxes for each image."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evonas.data.formats.lookup import ImageIndex, folder_split, split_of, walk
from evonas.data.formats.source import RawImage, Source, is_image
from evonas.data.formats.yolo_labels import LabelFiles, Rows
from evonas.errors import DataError
from evonas.limits import printable, read_text, read_yaml

FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
# Our split -> its names in `data.yaml`.
_SPLITS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


def read_yolo(file: Path, labels: Path | None = None, units: str = "shares") -> Source:
    """Reads what a `data.yaml` describes.

    Args:
        file: With `names`, `train` and perhaps `path`, `val`, `test` and `kpt_shape`.
        labels: A folder of the labels, or the name that such folders have in place of `images`.
        units: "shares" of the image, as the format has it, or "pixels".

    Raises:
        DataError: Something is missing or wrong, or boxes of shares are in pixels.
    """
    content = read_yaml(file)
    if not isinstance(content, dict):
        raise DataError(f"{file}: must hold names and the folders of images")
    names = _names(file, content)
    rows = Rows(names, units, keypoints="kpt_shape" in content)
    places: dict[str, list[Path]] = {}
    notes = []
    for split, keys in _SPLITS.items():
        given = next((content[key] for key in keys if content.get(key)), None)
        if given is None:
            continue
        if split == "test" and isinstance(given, str) and _place(file, content, given) is None:
            # Roboflow names a test split whether there is one or not.
            notes.append(f"no {printable(given)}: there is no split test")
            continue
        places[split] = _images(file, content, given)
    if "train" not in places:
        raise DataError(f"{file}: names no images under `train`")
    found = LabelFiles(file.parent, labels)
    images = [_read(path, split, found, rows) for split, paths in places.items() for path in paths]
    return _source(file, names, images, rows, found, notes)


def read_flat_yolo(
    folder: Path, classes: Path, labels: Path | None = None, units: str = "shares"
) -> Source:
    """Reads images with labels and a text file of class names (`classes.txt`, `obj.names`).

    Splits are those of lists beside the class names (CVAT's `train.txt`, `valid.txt`), else of
    folders called train, valid or test.

    Raises:
        DataError: Something is missing or wrong.
    """
    lines = [line.strip() for line in read_text(classes).splitlines()]
    names = {number: name for number, name in enumerate(lines) if name}
    rows = Rows(names, units)
    found = LabelFiles(folder, labels)
    index = ImageIndex(folder, walk(folder))
    lists = {split_of(p.stem): p for p in sorted(classes.parent.glob("*.txt")) if split_of(p.stem)}
    if lists:
        listed = [
            (path, split)
            for split, list_file in lists.items()
            for path in _listed(list_file, [folder, list_file.parent], index)
        ]
    else:
        listed = [(path, folder_split(folder, path)) for path in index.images]
    images = [_read(path, split, found, rows) for path, split in listed]
    left = len(set(index.images) - {path for path, _ in listed})
    notes = [f"{left} images are in no list and were left out"] if left else []
    return _source(classes, names, images, rows, found, notes)


def _source(
    file: Path,
    names: dict[int, str],
    images: list[RawImage],
    rows: Rows,
    found: LabelFiles,
    notes: Iterable[str] = (),
) -> Source:
    rows.refuse_pixels(file)
    return Source(
        "YOLO",
        file.parent,
        tuple(names.values()),
        tuple(images),
        shares=rows.units == "shares",
        unlabelled="background",
        notes=(*notes, *rows.notes(), *found.notes()),
    )


def _read(path: Path, split: str, found: LabelFiles, rows: Rows) -> RawImage:
    file = found.of(path)
    boxes = rows.read(file) if file is not None else ()
    return RawImage(path, boxes, split, labelled=file is not None)


def _names(file: Path, content: dict[str, Any]) -> dict[int, str]:
    """Returns class names by the numbers that labels use."""
    names = content.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise DataError(f"{file}: has no list of class `names`")
    numbered: dict[int, str] = {}
    for key, name in names.items():
        text = str(key)
        if isinstance(key, bool) or not (text.isascii() and text.isdigit()):
            raise DataError(f"{file}: `names` must be a list, or names by number from 0")
        if isinstance(name, bool):
            raise DataError(
                f"{file}: YAML reads the name of class {text} as {str(name).lower()}; put it in "
                "quotes ('yes', 'no', 'on' and 'off' are no texts in YAML)"
            )
        if not isinstance(name, str | int | float) or int(text) in numbered:
            raise DataError(f"{file}: class {printable(key)} of `names` needs one name")
        numbered[int(text)] = str(name)
    count = str(content.get("nc", ""))
    if count.isdecimal() and int(count) not in (len(numbered), max(numbered) + 1):
        raise DataError(f"{file}: `nc` is {count}, but `names` has {len(numbered)} classes")
    return dict(sorted(numbered.items()))


def _images(file: Path, content: dict[str, Any], given: Any) -> list[Path]:
    root = _root(file, content)
    found: list[Path] = []
    for entry in given if isinstance(given, list) else [given]:
        place = _place(file, content, entry)
        if place is None:
            raise DataError(f"{file}: no {printable(root / _posix(entry))}")
        if place.is_dir():
            _refuse_above(file, place)
            found += [path for path in walk(place) if is_image(path)]
        else:
            found += _listed(place, [place.parent, root, file.parent])
    if not found:
        raise DataError(f"{file}: no images in {printable(given)}")
    return found


def _root(file: Path, content: dict[str, Any]) -> Path:
    return file.parent / _posix(content.get("path") or "")


def _place(file: Path, content: dict[str, Any], entry: object) -> Path | None:
    """Returns the folder or list that an entry names, or None where there is none.

    Exported files often say `../train/images` for a folder that is beside them, or have the
    `path` of another machine.
    """
    text = _posix(entry)
    candidates = (
        _root(file, content) / text,
        file.parent / text,
        file.parent / text.removeprefix("../"),
    )
    return next((path for path in candidates if os.path.exists(path)), None)


def _refuse_above(file: Path, place: Path) -> None:
    """Refuses a folder of images that holds the data set's folder and others, such as `/`."""
    above = file.parent.resolve().parents
    if place.resolve() in above[1:]:
        raise DataError(f"{file}: {printable(place)} holds far more than this data set")


def _listed(file: Path, roots: list[Path], index: ImageIndex | None = None) -> list[Path]:
    """Returns the images that a list names, relative to a root or as on another machine.

    Raises:
        DataError: A name may be of two images.
    """
    images: list[Path] = []
    for line in read_text(file).splitlines():
        if not line.strip():
            continue
        name = _posix(line.strip())
        candidates = [root / name for root in roots]
        there = next((path for path in candidates if os.path.isfile(path)), None)
        if there is None:
            index = index or ImageIndex(roots[-1], walk(roots[-1]))
            found = index.find(name)
            if len(found) > 1:
                raise DataError(f"{file}: {printable(name)!r} may be {found[0]} or {found[1]}")
            # One that is nowhere is kept, and reported with the images that cannot be read.
            there = found[0] if found else candidates[0]
        images.append(there)
    return images


def _posix(text: object) -> str:
    return str(text).replace("\\", "/")
