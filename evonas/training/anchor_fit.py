"""Anchors shaped for the boxes of a data set."""

import numpy as np
from scipy.optimize import minimize

from evonas.arrays import Floats
from evonas.data.coco import CocoDataset
from evonas.detector import anchor_boxes, box_iou
from evonas.space import AnchorShapes, Skeleton
from evonas.training.anchor_check import boxes_in_input

_MOST_BOXES = 500  # their overlaps tell what there is
_MOST_STEPS = 150  # of a simplex; each compares all boxes with all anchors
_MOST_STARTS = 8
_LEAST_GAIN = 1e-3  # of what counts, by which another start pays
_RATIOS = (0.1, 10.0)


def fit_anchors(dataset: CocoDataset, skeleton: Skeleton) -> AnchorShapes:
    """Returns the anchors, as many as before, that overlap the boxes most.

    Scales and aspect ratios are moved by a simplex search (Nelder and Mead) from the skeleton's
    own, which begins anew where it has ended, as a simplex collapses early, until that gains
    nothing. What counts is how much of full overlap a box's best anchor lacks, where both stand,
    squared: boxes that are like few others have an anchor too. The same data give the same anchors.

    Args:
        dataset: The training split.
        skeleton: The network's, with the anchors to begin with.
    """
    boxes = boxes_in_input(dataset, skeleton.image_size)
    boxes = boxes[:: -(-len(boxes) // _MOST_BOXES) or 1]
    if not len(boxes):
        return skeleton.head.anchors

    def lost(values: Floats) -> float:
        anchors = anchor_boxes(skeleton.with_anchors(_anchors(values)))
        return float((1.0 - box_iou(boxes, anchors).amax(1)).square().mean())

    own = skeleton.head.anchors
    best = np.log([*own.scales, own.interpolated_ratio, *own.aspect_ratios])
    least = first = lost(best)
    for _ in range(_MOST_STARTS):
        found = minimize(lost, best, method="Nelder-Mead", options={"maxfev": _MOST_STEPS})
        gain = least - found.fun
        best, least = found.x, found.fun
        if gain < _LEAST_GAIN:
            break
    return _anchors(best) if least < first else own


def _anchors(values: Floats) -> AnchorShapes:
    """Reads logarithms of scales and ratios, held within what a head can have."""
    low, high = np.sort(np.exp(values[:2]).clip(0.01, 1.0)).tolist()
    between, *ratios = np.exp(values[2:]).clip(*_RATIOS).round(4).tolist()
    return AnchorShapes((round(low, 4), round(high, 4)), tuple(ratios), between)
