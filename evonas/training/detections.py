"""What networks found and what is there, as arrays: what AP is computed from."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.data.coco import CocoDataset
from evonas.errors import DataError


@dataclass(frozen=True, slots=True)
class Detections:
    """m detections of all images, in any order; equal scores rank in this order."""

    image_index: NDArray[np.int64]  # (m,) positions in the data set
    boxes: NDArray[np.float64]  # (m, 4) x1, y1, x2, y2 in pixels of the original image
    scores: NDArray[np.float64]  # (m,)
    labels: NDArray[np.int64]  # (m,)

    @classmethod
    def from_padded(
        cls,
        image_index: NDArray[np.int64],
        boxes: NDArray[np.floating],
        scores: NDArray[np.floating],
        labels: NDArray[np.integer],
        scale: NDArray[np.floating],
    ) -> "Detections":
        """Gathers what networks give for n images: k detections each, padded with label -1.

        Args:
            image_index: (n,).
            boxes: (n, k, 4) in pixels of the resized image.
            scores: (n, k).
            labels: (n, k).
            scale: (n, 2), the original width and height over the resized image's.
        """
        image, slot = np.nonzero(labels >= 0)
        return cls(
            image_index=image_index[image],
            boxes=boxes[image, slot].astype(np.float64) * np.tile(scale, 2)[image],
            scores=scores[image, slot].astype(np.float64),
            labels=labels[image, slot].astype(np.int64),
        )

    def sides(self) -> NDArray[np.float64]:
        """Returns the boxes as left, top, width, height, (m, 4)."""
        return np.concatenate([self.boxes[:, :2], self.boxes[:, 2:] - self.boxes[:, :2]], axis=1)


class GroundTruth:
    """The boxes of a data set, prepared for any number of evaluations.

    They are in the order of their group: the number of the image times that of classes, plus the
    label.
    """

    def __init__(self, dataset: CocoDataset) -> None:
        self.n_images = len(dataset)
        self.n_classes = dataset.n_classes
        self.image_areas = dataset.sizes.prod(axis=1)  # (n_images,)
        group = dataset.image_index * dataset.n_classes + dataset.labels
        order = np.argsort(group, kind="stable")
        self.group = group[order]  # (m,)
        self.boxes = dataset.boxes[order]  # (m, 4) left, top, width, height
        self.areas = dataset.areas[order]
        self.is_crowd = dataset.is_crowd[order]
        self.shares = self.areas / self.image_areas[self.group // self.n_classes]  # of the images

    @cached_property
    def annotations(self) -> Any:
        """The boxes as the C++ core takes them."""
        crowd = self.is_crowd.astype(int).tolist()
        rows = (
            {"id": number, "area": area, "iscrowd": ignore, "ignore": ignore}
            for number, (area, ignore) in enumerate(zip(self.areas.tolist(), crowd, strict=True), 1)
        )
        return cpp_dataset(self.group, self.n_classes, rows)


def check_detections(ground_truth: GroundTruth, detections: Detections) -> None:
    """Refuses what cannot be scored.

    Raises:
        DataError: A box or score is not finite, or an image or label is not the data set's.
    """
    if not (np.isfinite(detections.boxes).all() and np.isfinite(detections.scores).all()):
        raise DataError("detections: a box or score is not finite; the network has diverged")
    limits = {
        "image": (detections.image_index, ground_truth.n_images),
        "label": (detections.labels, ground_truth.n_classes),
    }
    for name, (values, limit) in limits.items():
        if ((values < 0) | (values >= limit)).any():
            raise DataError(f"detections: {name} outside 0..{limit - 1}, which the data set has")


def cpp_dataset(group: NDArray[np.int64], n_classes: int, rows: Iterable[dict[str, float]]) -> Any:
    """Returns boxes of groups (m,) as the C++ core takes them."""
    from faster_coco_eval.faster_eval_api_cpp import Dataset

    dataset = Dataset()
    images, labels = (group // n_classes).tolist(), (group % n_classes).tolist()
    for image, label, row in zip(images, labels, rows, strict=True):
        dataset.append_ref(image, label, row)
    return dataset
