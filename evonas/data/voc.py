"""Reads Pascal-VOC data sets: `Annotations/*.xml`, `JPEGImages/`, `ImageSets/Main/*.txt`."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from evonas.errors import DataError
from evonas.files import read_lines

_SPLITS = ("train", "val", "test")

Boxes = list[tuple[str, tuple[float, float, float, float]]]


def read_voc(
    folder: Path,
) -> tuple[tuple[str, ...], dict[str, tuple[Path, ...]], Callable[[Path, int, int], Boxes]]:
    """Returns classes in alphabetical order, images by split, and what gives an image's boxes.

    Without `ImageSets/Main/train.txt` all images are training images.

    Raises:
        DataError: Something is missing or wrong.
    """
    annotations = {path.stem: path for path in sorted((folder / "Annotations").glob("*.xml"))}
    if not annotations:
        raise DataError(f"{folder}: no XML files in Annotations/")
    boxes = {stem: _boxes(path) for stem, path in annotations.items()}
    image_folder = next(
        (p for p in (folder / "JPEGImages", folder / "images") if p.is_dir()), folder
    )
    images = {path.stem: path for path in sorted(image_folder.iterdir()) if path.suffix != ".xml"}
    splits: dict[str, tuple[Path, ...]] = {}
    for split in _SPLITS:
        file = folder / "ImageSets" / "Main" / f"{split}.txt"
        if file.is_file():
            stems = [line.split()[0] for line in read_lines(file) if line.strip()]
            splits[split] = _find(images, stems, file)
    if "train" not in splits:
        splits["train"] = _find(images, list(annotations), folder / "Annotations")
    classes = tuple(sorted({name for found in boxes.values() for name, _ in found}))
    return classes, splits, lambda image, width, height: boxes.get(image.stem, [])


def _find(images: dict[str, Path], stems: list[str], asked: Path) -> tuple[Path, ...]:
    missing = [stem for stem in stems if stem not in images]
    if missing:
        raise DataError(f"{asked}: names {missing[0]!r} and {len(missing) - 1} more without image")
    return tuple(images[stem] for stem in stems)


def _boxes(file: Path) -> Boxes:
    """Reads an image's boxes; VOC counts pixels from 1 and includes the last one."""
    boxes: Boxes = []
    try:
        for entry in ElementTree.parse(file).getroot().iter("object"):
            name, box = entry.findtext("name"), entry.find("bndbox")
            if not name or box is None:
                raise DataError(f"{file}: an object without name or bndbox")
            left, top, right, bottom = (
                float(box.findtext(key) or "") for key in ("xmin", "ymin", "xmax", "ymax")
            )
            boxes.append((name.strip(), (left - 1, top - 1, right - left + 1, bottom - top + 1)))
    except (ElementTree.ParseError, ValueError, OSError) as error:
        raise DataError(f"{file}: cannot be read: {error}") from error
    return boxes
