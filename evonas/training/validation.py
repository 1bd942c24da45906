"""COCO AP of networks on a data set that is prepared once."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from evonas.data.augment import normalise
from evonas.data.coco import CocoDataset
from evonas.data.tensors import load_tensors
from evonas.detector import FAST, ActivationCache, Detector, Protocol, anchor_boxes, postprocess
from evonas.errors import DataError
from evonas.space import Skeleton
from evonas.training.average_precision import (
    average_precision,
    mean_precision,
    precision_at_recalls,
)
from evonas.training.detections import Detections, GroundTruth

_PIXELS = 50 * 64**2  # of images at a time, so that maps stay in the processor's cache


def images_at_a_time(image_size: int) -> int:
    """Returns how many images networks are run on at once: the same wherever AP is measured."""
    return max(1, _PIXELS // image_size**2)


class Validation:
    """Images as networks are fed them, and their true boxes.

    Args:
        dataset: Images and true boxes.
        image_size: Side of the networks' input.
        protocol: Post-processing.
        resizing: How images are resized; see `evonas.data.images.resized_pixels`.
    """

    def __init__(
        self,
        dataset: CocoDataset,
        image_size: int,
        protocol: Protocol = FAST,
        resizing: str = "antialiased",
    ) -> None:
        self.protocol = protocol
        self.images = as_input(load_tensors(dataset, image_size, resizing).images)
        self._batch = images_at_a_time(image_size)
        self.scale = dataset.sizes / image_size
        self.ground_truth = GroundTruth(dataset)

    def __len__(self) -> int:
        return len(self.images)

    def score(self, detector: Detector) -> tuple[float, float]:
        """Returns COCO AP and AP50, from 0 to 1."""
        return self.precision(self.detect(detector))

    def precision(self, detections: Detections) -> tuple[float, float]:
        """Returns COCO AP and AP50, from 0 to 1, of detections."""
        precision = precision_at_recalls(self.ground_truth, detections)
        return mean_precision(precision), mean_precision(precision[0])

    @cached_property
    def size_limits(self) -> tuple[float, float]:
        """Where small objects end and large ones begin, as shares of the image's area.

        Each is a third of the objects, so that networks can be compared by it on any data; COCO's
        own limits, in pixels, are those of its photographs.

        Raises:
            DataError: The objects are too few or too much alike to be divided.
        """
        objects = self.ground_truth.shares[~self.ground_truth.is_crowd]
        low, high = np.quantile(objects, [1 / 3, 2 / 3]) if len(objects) else (0.0, 0.0)
        if not 0 < low < high:
            raise DataError(
                f"{len(objects)} objects with a third up to {low:.3g} and two thirds up to "
                f"{high:.3g} of the image's area cannot be divided by their size"
            )
        return float(low), float(high)

    def precision_by_size(self, detections: Detections) -> tuple[float, float, float]:
        """Returns COCO AP, from 0 to 1, of small, medium and large objects.

        See `size_limits`.
        """
        low, high = self.size_limits
        limits = (0.0, low), (low, high), (high, np.inf)
        small, medium, large = (
            float(np.nanmean(average_precision(self.ground_truth, detections, shares)))
            for shares in limits
        )
        return small, medium, large

    def new_reuse(self, keep_bytes: int) -> list[ActivationCache]:
        """Returns what `detect` needs to go on from the network before, at this many bytes."""
        count = -(-len(self) // self._batch)
        return [ActivationCache(keep_bytes // count) for _ in range(count)]

    def detect(
        self, detector: Detector, reuse: Sequence[ActivationCache] | None = None
    ) -> Detections:
        """Runs a network on all images, its batch norm folded in.

        Boxes are in the original images' pixels.
        """
        detector = detector.folded()
        reuse = reuse or self.new_reuse(0)
        batches = zip(self.batches(), reuse, strict=True)
        with torch.inference_mode():
            outputs = (detector(images, known) for images, known in batches)
            return self.detections(outputs, detector.architecture.skeleton)

    def batches(self) -> tuple[Tensor, ...]:
        """Returns the images, float32 (n, 3, size, size) from -1 to 1, in batches."""
        return torch.split(self.images, self._batch)

    def detections(
        self, outputs: Iterable[tuple[Tensor, Tensor]], skeleton: Skeleton
    ) -> Detections:
        """Turns a network's outputs for each of `batches()` into detections.

        Args:
            outputs: Codes (n, n_anchors, 4) and logits (n, n_anchors, n_classes) of each batch.
            skeleton: The network's.
        """
        anchors = anchor_boxes(skeleton)
        batches = [
            postprocess(codes, logits, anchors, skeleton.image_size, self.protocol)
            for codes, logits in outputs
        ]
        boxes, scores, labels = (torch.cat(part).numpy() for part in zip(*batches, strict=True))
        return Detections.from_padded(
            np.arange(len(boxes)), boxes, scores, labels.astype(np.int64), self.scale
        )


def as_input(images: Tensor) -> Tensor:
    """Turns uint8 images (n, 3, h, w) into float32 from -1 to 1 in channels_last memory."""
    return normalise(images).contiguous(memory_format=torch.channels_last)
