"""Reads COCO-format folders to convert them: to mend, divide or rename them."""

import os
from pathlib import Path

import numpy as np

from evonas.data.box_rules import areas_of
from evonas.data.coco_file import locate_splits, read_instances
from evonas.data.formats.source import RawBox, RawImage, Source
from evonas.errors import DataError


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
    images = [
        RawImage(_file(image_folder, name), tuple(held), split, (int(size[0]), int(size[1])))
        for name, held, size in zip(instances.file_names, boxes, instances.sizes, strict=True)
    ]
    return images, list(names)


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    return folder / name.replace("\\", "/") if "\\" in name and not os.path.isfile(path) else path
