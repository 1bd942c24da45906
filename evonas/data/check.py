"""What is in a split, and which of its images cannot be used."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evonas.data.coco import CocoDataset
from evonas.data.images import read_image
from evonas.errors import DataError


@dataclass(frozen=True, slots=True)
class SplitReport:
    """The findings about one split."""

    images: int
    boxes: int
    crowd_boxes: int
    images_without_boxes: int
    boxes_per_class: dict[str, int]
    box_sides: tuple[float, float, float]  # 5th, 50th and 95th percentile of sqrt(area) in pixels
    broken: tuple[str, ...]  # one message per image that cannot be decoded


def check_split(dataset: CocoDataset) -> SplitReport:
    """Counts the boxes of a split and decodes every image once."""
    targets = ~dataset.is_crowd
    counts = np.bincount(dataset.labels[targets], minlength=dataset.n_classes)
    sides = np.sqrt(dataset.boxes[targets, 2] * dataset.boxes[targets, 3])
    low, middle, high = np.percentile(sides, [5, 50, 95]) if len(sides) else (np.nan,) * 3
    return SplitReport(
        images=len(dataset),
        boxes=int(targets.sum()),
        crowd_boxes=int(dataset.is_crowd.sum()),
        images_without_boxes=len(dataset) - len(np.unique(dataset.image_index)),
        boxes_per_class=dict(zip(dataset.class_names, counts.tolist(), strict=True)),
        box_sides=(float(low), float(middle), float(high)),
        broken=tuple(filter(None, (_why_broken(dataset, i) for i in range(len(dataset))))),
    )


def find_duplicates(splits: Mapping[str, CocoDataset]) -> list[tuple[str, ...]]:
    """Returns the image files that are equal byte for byte, each group as SPLIT/NAME.

    An image that is in two splits makes figures on the second one too good.
    """
    groups: dict[bytes, list[str]] = {}
    for split, dataset in splits.items():
        for index, name in enumerate(dataset.file_names):
            digest = hashlib.sha256(dataset.path_of(index).read_bytes()).digest()
            groups.setdefault(digest, []).append(f"{split}/{name}")
    return [tuple(names) for names in groups.values() if len(names) > 1]


def _why_broken(dataset: CocoDataset, index: int) -> str | None:
    width, height = dataset.sizes[index].tolist()
    try:
        read_image(dataset.path_of(index), int(dataset.image_ids[index]), (width, height))
    except DataError as error:
        return str(error)
    return None
