"""How well a network's anchors suit the boxes of a data set."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evonas.data.coco import CocoDataset
from evonas.detector import anchor_boxes, box_iou
from evonas.space import Skeleton

_AT_A_TIME = 1000  # boxes


@dataclass(frozen=True, slots=True)
class AnchorReport:
    """Overlaps of boxes, resized to the network's input, with their best anchors.

    Attributes:
        mean_overlap: Mean intersection over union.
        matched: Share of boxes that some anchor overlaps by 0.5, and so trains on by itself.
        poor: Share of boxes that no anchor overlaps by 0.3: hardly ever found.
        smallest_anchor: Side of the smallest anchor in the input's pixels.
        small_boxes: Share of boxes with less than half that side.
    """

    mean_overlap: float
    matched: float
    poor: float
    smallest_anchor: float
    small_boxes: float


def check_anchors(dataset: CocoDataset, skeleton: Skeleton) -> AnchorReport:
    """Compares a split's boxes with the anchors of a space or network."""
    corners = boxes_in_input(dataset, skeleton.image_size)
    anchors = anchor_boxes(skeleton)
    parts = torch.split(corners, _AT_A_TIME)
    best = torch.cat([box_iou(part, anchors).amax(1) for part in parts])
    smallest = float((anchors[:, 2:] - anchors[:, :2]).prod(1).sqrt().min())
    sides = (corners[:, 2:] - corners[:, :2]).prod(1).sqrt()
    return AnchorReport(
        mean_overlap=float(best.mean()),
        matched=float((best >= 0.5).float().mean()),
        poor=float((best < 0.3).float().mean()),
        smallest_anchor=smallest,
        small_boxes=float((sides < smallest / 2).float().mean()),
    )


def boxes_in_input(dataset: CocoDataset, image_size: int) -> Tensor:
    """Returns (n, 4) corners of the boxes that are no crowds, in the input's pixels."""
    scale = image_size / dataset.sizes[dataset.image_index].astype(np.float64)
    boxes = dataset.boxes * np.concatenate([scale, scale], 1)
    boxes = torch.from_numpy(boxes[~dataset.is_crowd]).float()
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
