"""COCO AP of networks on a data set that is prepared once."""

import numpy as np
import torch
from torch import Tensor

from evonas.data.augment import normalise
from evonas.data.coco import CocoDataset
from evonas.data.tensors import load_tensors
from evonas.detector import Detector, anchor_boxes, postprocess
from evonas.training.average_precision import average_precision
from evonas.training.evaluation import Detections, GroundTruth

_CANDIDATES = 100  # detections before suppression; at 64 pixels more changes AP by 0.001
_BATCH = 50  # images at a time, so that maps stay in the processor's cache


class Validation:
    """Images as networks are fed them, and their true boxes."""

    def __init__(self, dataset: CocoDataset, image_size: int) -> None:
        self.images = as_input(load_tensors(dataset, image_size).images)
        self.scale = dataset.sizes / image_size
        self.ground_truth = GroundTruth(dataset)

    def __len__(self) -> int:
        return len(self.images)

    def score(self, detector: Detector) -> tuple[float, float]:
        """Returns COCO AP and AP50, from 0 to 1."""
        precision = average_precision(self.ground_truth, self.detect(detector))
        return float(np.nanmean(precision)), float(np.nanmean(precision[0]))

    def detect(self, detector: Detector) -> Detections:
        """Runs a network on all images; boxes are in the original images' pixels."""
        skeleton = detector.architecture.skeleton
        anchors = anchor_boxes(skeleton)
        detector.eval()
        batches = []
        with torch.inference_mode():
            for images in torch.split(self.images, _BATCH):
                codes, logits = detector(images)
                batches.append(
                    postprocess(codes, logits, anchors, skeleton.image_size, candidates=_CANDIDATES)
                )
        boxes, scores, labels = (torch.cat(part).numpy() for part in zip(*batches, strict=True))
        return Detections.from_padded(
            np.arange(len(boxes)), boxes, scores, labels.astype(np.int64), self.scale
        )


def as_input(images: Tensor) -> Tensor:
    """Turns uint8 images (n, 3, h, w) into float32 from -1 to 1 in channels_last memory."""
    return normalise(images).contiguous(memory_format=torch.channels_last)
