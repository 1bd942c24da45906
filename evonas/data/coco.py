"""Reads the annotations of a COCO-format folder into columns, and refuses what is wrong in them."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evonas.data.records import Records
from evonas.errors import ConfigurationError, DataError

BadBoxes = Literal["refuse", "drop"]

# Annotations and images of a split, relative to the folder: ours, COCO's own, Roboflow's.
_LAYOUTS = (
    ("annotations/instances_{split}.json", "{split}"),
    ("annotations/instances_{split}.json", "images/{split}"),
    ("annotations/instances_{split}.json", "images"),
    ("annotations/instances_{split}2017.json", "{split}2017"),
    ("annotations/instances_{split}2017.json", "images/{split}2017"),
    ("{split}/_annotations.coco.json", "{split}"),
)
_SPLITS = ("train", "val", "test")
# How far, in pixels, a box may reach out of its image: annotation tools round.
_SLACK = 1.0


@dataclass(frozen=True, slots=True)
class CocoDataset:
    """One split: its n images and m boxes, as columns.

    Images are in the order of their ids, and boxes in the order of their images, then of the file.
    Labels are 0, 1, ... in the order of the category ids.
    """

    annotation_file: Path
    image_folder: Path
    image_ids: NDArray[np.int64]  # (n,)
    file_names: tuple[str, ...]  # (n,)
    sizes: NDArray[np.int64]  # (n, 2) width and height in pixels
    category_ids: NDArray[np.int64]  # (n_classes,)
    class_names: tuple[str, ...]  # (n_classes,)
    annotation_ids: NDArray[np.int64]  # (m,)
    image_index: NDArray[np.int64]  # (m,) position of the box's image
    boxes: NDArray[np.float64]  # (m, 4) left, top, width, height in pixels, as in the file
    labels: NDArray[np.int64]  # (m,)
    areas: NDArray[np.float64]  # (m,) pixels, of the object where the file says it, else of the box
    is_crowd: NDArray[np.bool_]  # (m,) ignored by evaluation, and no training target

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def n_classes(self) -> int:
        """How many classes the file names."""
        return len(self.class_names)

    def first(self, n_images: int) -> "CocoDataset":
        """Returns the part of the data set with the first n images."""
        n_boxes = int(np.searchsorted(self.image_index, n_images))
        per_image = ("image_ids", "file_names", "sizes")
        per_box = ("annotation_ids", "image_index", "boxes", "labels", "areas", "is_crowd")
        parts = {name: getattr(self, name)[:n_images] for name in per_image}
        return replace(self, **parts, **{name: getattr(self, name)[:n_boxes] for name in per_box})

    def path_of(self, index: int) -> Path:
        """Returns the file of the image at that position."""
        return self.image_folder / self.file_names[index]


def load_coco(folder: Path | str, split: str, bad_boxes: BadBoxes = "refuse") -> CocoDataset:
    """Reads one split of a COCO-format folder.

    Known layouts: `annotations/instances_SPLIT.json` with the images in `SPLIT/`,
    `images/SPLIT/` or `images/`; the same with COCO's `2017` after SPLIT; and
    `SPLIT/_annotations.coco.json` beside its images. For any other, see `read_coco`.

    Args:
        folder: The data set.
        split: "train", "val", "test" or another name that the files carry.
        bad_boxes: What to do with boxes of no size or outside their image; see `read_coco`.

    Raises:
        DataError: The split is not there, or something in it is wrong.
    """
    folder = Path(folder)
    found = _locate(folder, split)
    if found is None:
        looked_for = " or ".join(f"{a} with {b}/" for a, b in _LAYOUTS)
        raise DataError(
            f"{folder}: no split {split!r}; looked for {looked_for.format(split=split)}"
        )
    return read_coco(*found, bad_boxes)


def list_splits(folder: Path | str) -> tuple[str, ...]:
    """Returns which of train, val and test a COCO-format folder holds."""
    return tuple(split for split in _SPLITS if _locate(Path(folder), split) is not None)


def read_coco(
    annotation_file: Path | str, image_folder: Path | str, bad_boxes: BadBoxes = "refuse"
) -> CocoDataset:
    """Reads one instances file; the images themselves are looked for but not opened.

    Args:
        annotation_file: COCO instances JSON.
        image_folder: What the file names in it are relative to.
        bad_boxes: "refuse" raises at a box of no size or more than a pixel outside its image;
            "drop" leaves such boxes out (COCO's own train2017 has two).

    Raises:
        DataError: What is wrong, with the file and the ids.
        ConfigurationError: `bad_boxes` is neither.
    """
    if bad_boxes not in ("refuse", "drop"):
        raise ConfigurationError(f"unknown treatment of bad boxes {bad_boxes!r}; refuse or drop")
    path, image_folder = Path(annotation_file), Path(image_folder)
    content = _read_json(path)
    images, categories, annotations = (
        Records(path, kind, content[f"{kind}s" if kind != "category" else "categories"])
        for kind in ("image", "category", "annotation")
    )
    image_ids = images.unique_ids()
    order = np.argsort(image_ids)
    sizes = np.stack([images.integers("width"), images.integers("height")], axis=1)
    images.refuse(np.any(sizes < 1, axis=1), "has a width or height below 1")
    file_names = images.texts("file_name")
    missing = np.array([not (image_folder / name).is_file() for name in file_names], bool)
    images.refuse(missing, f"has no file in {image_folder}")
    category_ids = np.sort(categories.unique_ids())
    names = dict(zip(categories.integers("id").tolist(), categories.texts("name"), strict=True))
    if not len(category_ids):
        raise DataError(f"{path}: no categories; name at least one class")

    annotation_ids = annotations.unique_ids()
    image_index = annotations.positions("image_id", image_ids[order])
    labels = annotations.positions("category_id", category_ids)
    boxes = annotations.boxes()
    bad = _are_bad(boxes, sizes[order][image_index])
    if bad_boxes == "refuse":
        annotations.refuse(bad, "has a box of no size, or outside its image")
    kept = np.flatnonzero(~bad)
    kept = kept[np.argsort(image_index[kept], kind="stable")]
    return CocoDataset(
        annotation_file=path,
        image_folder=image_folder,
        image_ids=image_ids[order],
        file_names=tuple(file_names[index] for index in order),
        sizes=sizes[order],
        category_ids=category_ids,
        class_names=tuple(names[index] for index in category_ids.tolist()),
        annotation_ids=annotation_ids[kept],
        image_index=image_index[kept],
        boxes=boxes[kept],
        labels=labels[kept],
        areas=annotations.numbers("area", boxes[:, 2] * boxes[:, 3])[kept],
        is_crowd=annotations.numbers("iscrowd", np.zeros(len(boxes)))[kept] != 0,
    )


def _locate(folder: Path, split: str) -> tuple[Path, Path] | None:
    for annotations, images in _LAYOUTS:
        file = folder / annotations.format(split=split)
        image_folder = folder / images.format(split=split)
        if file.is_file() and image_folder.is_dir():
            return file, image_folder
    return None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not JSON
        raise DataError(f"{path}: is no JSON file: {error}") from error
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict):
        raise DataError(f"{path}: must hold an object with the keys {', '.join(keys)}")
    for key in keys:
        if not isinstance(content.get(key), list):
            raise DataError(f"{path}: has no list under {key!r}; COCO needs {', '.join(keys)}")
    return content


def _are_bad(boxes: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Marks boxes (m, 4) of no size or outside their images of (m, 2) width and height."""
    corners, far = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    outside = (corners < -_SLACK) | (far > sizes + _SLACK) | (far <= 0) | (corners >= sizes)
    bad: NDArray[np.bool_] = np.any(outside | (boxes[:, 2:] <= 0), axis=1)
    return bad
