"""Reads COCO-format folders to convert them: to mend, divide or rename them."""

import re
from pathlib import Path

import numpy as np

from evonas.data.box_rules import areas_of
from evonas.data.coco_file import is_coco, locate_splits, read_instances
from evonas.data.formats.lookup import ImageIndex, folder_split, split_of, walk
from evonas.data.formats.source import RawBox, RawImage, Source
from evonas.errors import DataError
from evonas.limits import parse_json, printable, read_limited


def read_coco_source(folder: Path, files: dict[str, tuple[Path, Path]] | None = None) -> Source:
    """Reads all splits of a COCO-format folder, boxes as they stand in the files.

    Args:
        folder: The data set.
        files: Split -> annotation file and image folder; those of the known layouts if None.

    Raises:
        DataError: There are none, or something is wrong that is no box.
    """
    files = locate_splits(folder) if files is None else files
    if not files:
        raise DataError(f"{folder}: no COCO annotations in a known layout")
    classes: list[str] = []
    images: list[RawImage] = []
    for split, (file, image_folder) in files.items():
        found, names = _read(file, image_folder, "" if split == "default" else split)
        images += found
        classes += [name for name in names if name not in classes] if classes else names
    return Source("COCO", folder, tuple(classes), tuple(images), unlabelled="background")


def find_coco_files(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Returns COCO files under any name, by split: `result.json`, `annotations/train.json`.

    They lie in the folder, in `annotations/`, or beside the images of a split. The split is what
    a word of the file's name or its folder means; several files of one split are too many.

    Raises:
        DataError: Two files may be of one split.
    """
    places = [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
    found: dict[str, tuple[Path, Path]] = {}
    for place in places:
        if place != folder and place.name.lower() != "annotations" and not split_of(place.name):
            continue
        for file in sorted(place.glob("*.json")):
            if not is_coco(parse_json(read_limited(file), str(file))):
                continue
            words = re.split(r"[^a-z]+", file.stem.lower())
            split = next(filter(None, map(split_of, [*words, place.name])), "")
            if split in found:
                raise DataError(
                    f"{folder}: {printable(found[split][0].name)} and {printable(file.name)} may "
                    f"both be of {split or 'all images'}; name the file that is meant"
                )
            found[split] = (file, folder)
    return found


def _read(file: Path, image_folder: Path, split: str) -> tuple[list[RawImage], list[str]]:
    instances = read_instances(file)
    numbers = instances.annotations.boxes(finite=False)
    areas = instances.annotations.numbers("area", areas_of(numbers), finite=False)
    crowd = instances.annotations.numbers("iscrowd", np.zeros(len(numbers))) != 0
    boxes: list[list[RawBox]] = [[] for _ in instances.file_names]
    names = instances.class_names
    for image, label, box, ignored, area in zip(
        instances.image_index.tolist(),
        instances.labels.tolist(),
        numbers.tolist(),
        crowd.tolist(),
        areas.tolist(),
        strict=True,
    ):
        known = area if area > 0 and np.isfinite(area) else None
        boxes[image].append(RawBox(names[label], box[0], box[1], box[2], box[3], ignored, known))
    locate = _Images(image_folder, split)
    images = [
        RawImage(locate(name), tuple(held), split, (int(size[0]), int(size[1])))
        for name, held, size in zip(instances.file_names, boxes, instances.sizes, strict=True)
    ]
    return images, list(names)


class _Images:
    """Finds the images that a file names, relative to a folder or as on another machine."""

    def __init__(self, folder: Path, split: str) -> None:
        self.folder, self.split = folder, split
        self._index: ImageIndex | None = None

    def __call__(self, name: str) -> Path:
        path = self.folder / name
        if path.is_file():
            return path
        if self._index is None:
            self._index = ImageIndex(self.folder, walk(self.folder))
        found = self._index.find(name)
        if len(found) > 1 and self.split:
            own = [p for p in found if folder_split(self.folder, p) == self.split]
            found = own or found
        if len(found) > 1:
            raise DataError(f"{printable(name)!r} may be {found[0]} or {found[1]}")
        return found[0] if found else path
