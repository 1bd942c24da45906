"""Reads the annotations of a COCO-format folder into columns, and refuses what is wrong in them."""

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evonas.data.box_rules import SLACK, BadBoxes, areas_of, check_treatment, judge
from evonas.data.coco_file import LAYOUTS, SPLITS, Instances, locate, read_instances
from evonas.errors import DataError


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
    dropped: int = 0  # boxes of the file that are wrong and left out
    clipped: int = 0  # boxes of the file that were cut at the image's edges

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
    `SPLIT/_annotations.coco.json` beside its images, with `valid` for val. For any other, see
    `read_coco`.

    Args:
        folder: The data set.
        split: "train", "val", "test" or another name that the files carry.
        bad_boxes: What to do with boxes of no size or outside their image; see `read_coco`.

    Raises:
        DataError: The split is not there, or something in it is wrong.
    """
    folder = Path(folder)
    found = locate(folder, split)
    if found is None:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder")
        if locate(folder, "default"):
            raise DataError(
                f"{folder}: no split {split!r}, only instances_default.json; `evonas data split` "
                "divides it"
            )
        looked_for = " or ".join(f"{a} with {b}/" for a, b in LAYOUTS)
        raise DataError(
            f"{folder}: no split {split!r}; looked for {looked_for.format(split=split)}"
        )
    return read_coco(*found, bad_boxes)


def list_splits(folder: Path | str) -> tuple[str, ...]:
    """Returns which of train, val and test a COCO-format folder holds."""
    return tuple(split for split in SPLITS if locate(Path(folder), split) is not None)


def read_coco(
    annotation_file: Path | str, image_folder: Path | str, bad_boxes: BadBoxes = "refuse"
) -> CocoDataset:
    """Reads one instances file; the images themselves are looked for but not opened.

    Args:
        annotation_file: COCO instances JSON.
        image_folder: What the file names in it are relative to.
        bad_boxes: "refuse" raises at a box that is not of finite numbers, of no size, or more
            than a pixel outside its image; "drop" leaves such boxes out (COCO's own train2017
            has two); "clip" cuts them at the edges and leaves out what cannot be cut.

    Raises:
        DataError: What is wrong, with the file and the ids.
        ConfigurationError: `bad_boxes` is none of these.
    """
    check_treatment(bad_boxes)
    found, image_folder = read_instances(Path(annotation_file)), Path(image_folder)
    _refuse_missing(found, image_folder)
    _refuse_same_names(found)
    annotations = found.annotations
    boxes = annotations.boxes(finite=bad_boxes == "refuse")
    sizes = found.sizes[found.image_index]
    bad = _are_bad(boxes, sizes)
    if bad_boxes == "refuse":
        annotations.refuse(
            bad,
            "has a box of no size, or outside its image; `evonas data convert` mends such data",
        )
    wrong = int(bad.sum())
    if bad_boxes == "clip":
        for index in np.flatnonzero(bad).tolist():
            left, top, wide, high = boxes[index].tolist()
            box, _ = judge((left, top, wide, high), *sizes[index].tolist())
            if box is not None:
                boxes[index], bad[index] = box, False
    kept = np.flatnonzero(~bad)
    kept = kept[np.argsort(found.image_index[kept], kind="stable")]
    areas = annotations.numbers("area", areas_of(boxes), finite=bad_boxes == "refuse")
    return CocoDataset(
        annotation_file=found.path,
        image_folder=image_folder,
        image_ids=found.image_ids,
        file_names=found.file_names,
        sizes=found.sizes,
        category_ids=found.category_ids,
        class_names=found.class_names,
        annotation_ids=found.annotation_ids[kept],
        image_index=found.image_index[kept],
        boxes=boxes[kept],
        labels=found.labels[kept],
        areas=areas[kept],
        is_crowd=annotations.numbers("iscrowd", np.zeros(len(boxes)))[kept] != 0,
        dropped=int(bad.sum()),
        clipped=wrong - int(bad.sum()),
    )


def _refuse_missing(found: Instances, image_folder: Path) -> None:
    missing = {
        image_id
        for image_id, name in zip(found.image_ids.tolist(), found.file_names, strict=True)
        if not os.path.isfile(image_folder / name)
    }
    if missing:
        rows = found.images.rows
        marks = np.array([row["id"] in missing for row in rows], bool)
        found.images.refuse(marks, f"has no file in {image_folder}")


def _refuse_same_names(found: Instances) -> None:
    names = found.class_names
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        ids = [i for i, n in zip(found.category_ids.tolist(), names, strict=True) if n == twice]
        raise DataError(
            f"{found.path}: categories {ids[0]} and {ids[1]} are both called {twice!r}; correct "
            f"one, or make them one with `evonas data convert --rename "
            f"{shlex.quote(f'{twice}={twice}')}`"
        )


def _are_bad(boxes: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Marks boxes (m, 4) that are not finite, of no size, or outside images of sizes (m, 2)."""
    corners, far = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    outside = (corners < -SLACK) | (far > sizes + SLACK) | (far <= 0) | (corners >= sizes)
    sized = (boxes[:, 2:] > 0) & np.isfinite(boxes[:, 2:]) & np.isfinite(corners)
    bad: NDArray[np.bool_] = np.any(outside | ~sized, axis=1)
    return bad
