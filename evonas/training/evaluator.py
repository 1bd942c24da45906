"""COCO figures of a network on a split, its images divided among processes."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from evonas.data.coco import CocoDataset
from evonas.data.tensors import CocoImages, DetectionBatch, fits_in_memory, load_tensors
from evonas.detector import FAST, Detector, Protocol, anchor_boxes, postprocess
from evonas.detector import Detections as FoundInBatch
from evonas.training.detections import Detections, GroundTruth
from evonas.training.evaluation import CocoMetrics, evaluate_detections
from evonas.training.processes import ALONE, Processes
from evonas.training.validation import as_input, images_at_a_time


class Evaluator:
    """A split, prepared for any number of networks.

    Args:
        dataset: Images and true boxes.
        image_size: Side of the networks' input.
        device: Where networks run.
        workers: Processes that decode images, where they do not fit into memory.
        processes: Those that share the images; each has all results.
        protocol: Post-processing.
        resizing: How images are resized; see `evonas.data.images.resized_pixels`.
    """

    def __init__(
        self,
        dataset: CocoDataset,
        image_size: int,
        device: torch.device,
        workers: int = 0,
        processes: Processes = ALONE,
        protocol: Protocol = FAST,
        resizing: str = "antialiased",
    ) -> None:
        self.protocol = protocol
        self.dataset = dataset
        self.ground_truth = GroundTruth(dataset)
        self._scale = dataset.sizes / image_size
        self._device = device
        self._processes = processes
        fits = fits_in_memory(len(dataset), image_size)
        load = load_tensors if fits else CocoImages
        data = load(dataset, image_size, resizing)
        self._mine = np.arange(processes.rank, len(dataset), processes.count)
        self._batch_size = images_at_a_time(image_size)
        self._data: DetectionBatch | CocoImages = data
        self._workers = workers

    def __call__(self, detector: Detector) -> CocoMetrics:
        """Returns COCO's figures of a network, the same in every process."""
        return evaluate_detections(self.ground_truth, self.detect(detector))

    def detect(self, detector: Detector) -> Detections:
        """Runs a network on all images, its batch norm folded in.

        Boxes are in pixels of the original images.
        """
        detector = detector.folded()
        skeleton = detector.architecture.skeleton
        anchors = anchor_boxes(skeleton).to(self._device)

        def run(images: Tensor) -> FoundInBatch:
            codes, logits = detector(images)
            return postprocess(codes, logits, anchors, skeleton.image_size, self.protocol)

        return self.detect_by(run)

    def detect_by(self, run: Callable[[Tensor], FoundInBatch]) -> Detections:
        """Runs anything on all images; boxes are in pixels of the original images.

        Args:
            run: Finds objects in float32 images (n, 3, size, size) from -1 to 1; boxes in pixels
                of these images.
        """
        found = []
        with torch.inference_mode():
            for batch in self._batches():
                parts = run(as_input(batch.images.to(self._device)))
                boxes, scores, labels = (part.cpu().numpy() for part in parts)
                index = batch.indices.numpy()
                found.append(
                    Detections.from_padded(index, boxes, scores, labels, self._scale[index])
                )
        names = Detections.__slots__
        gathered = self._processes.gather(
            tuple(np.concatenate([getattr(part, name) for part in found]) for name in names)
        )
        return Detections(*(np.concatenate(parts) for parts in zip(*gathered, strict=True)))

    def _batches(self) -> Any:
        chosen = [
            self._mine[start : start + self._batch_size]
            for start in range(0, len(self._mine), self._batch_size)
        ]
        if isinstance(self._data, DetectionBatch):
            return (self._data.take(indices) for indices in chosen)
        return DataLoader(
            Subset(self._data, self._mine.tolist()),
            self._batch_size,
            collate_fn=self._data.collate,
            num_workers=self._workers,
        )


def figures(metrics: CocoMetrics) -> dict[str, float]:
    """Returns COCO's twelve figures by name."""
    values = asdict(metrics)
    return {name: value for name, value in values.items() if isinstance(value, float)}


def per_class(metrics: CocoMetrics, classes: tuple[str, ...]) -> dict[str, float]:
    """Returns each class's AP."""
    return dict(zip(classes, metrics.ap_per_class.tolist(), strict=True))


def precision_recall(metrics: CocoMetrics, classes: tuple[str, ...]) -> dict[str, Any]:
    """Returns the precision at 101 recalls from 0 to 1, by IoU and class; null for absent ones."""
    curves: dict[str, Any] = {"recall": np.linspace(0, 1, 101).round(2).tolist()}
    for name, index in (("0.50", 0), ("0.75", 5)):
        precision = metrics.precision[index]  # (101, n_classes)
        curves[name] = {
            label: values.round(4).tolist() if (values >= 0).all() else None
            for label, values in zip(classes, precision.T, strict=True)
        }
    return curves
