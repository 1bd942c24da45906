"""From codes and logits to detections, a whole batch at once."""

from typing import NamedTuple

import torch
from torch import Tensor

from evonas.detector.anchors import box_iou, decode_boxes


class Detections(NamedTuple):
    """Padded detections of a batch, best first; padding has score 0 and label -1."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor


def postprocess(
    codes: Tensor,
    logits: Tensor,
    anchors: Tensor,
    image_size: int,
    score_threshold: float = 0.01,
    iou_threshold: float = 0.6,
    candidates: int = 200,
    detections: int = 100,
) -> Detections:
    """Decodes the best candidates and suppresses, class by class, all but the best of a place.

    Args:
        codes: (n, n_anchors, 4).
        logits: (n, n_anchors, n_classes).
        anchors: (n_anchors, 4) in pixels.
        image_size: Side to which boxes are clipped.
        score_threshold: Lower scores are dropped.
        iou_threshold: A box that overlaps a better one of its class by more is dropped.
        candidates: Best (anchor, class) pairs of an image that enter suppression.
        detections: The most that an image keeps.

    Returns:
        Boxes (n, detections, 4) as x1, y1, x2, y2 in pixels, scores and labels (n, detections).
    """
    n, _, n_classes = logits.shape
    flat = logits.float().reshape(n, -1)
    best, index = flat.topk(min(candidates, flat.shape[1]), dim=1)
    scores = best.sigmoid()
    anchor, labels = index // n_classes, index % n_classes
    chosen = codes.float().gather(1, anchor[..., None].expand(-1, -1, 4))
    boxes = decode_boxes(chosen, anchors[anchor]).clamp(0, image_size)
    kept = suppress(boxes, labels, scores > score_threshold, iou_threshold)
    scores = scores * kept
    scores, order = scores.topk(min(detections, scores.shape[1]), dim=1)
    labels = labels.gather(1, order).masked_fill(scores == 0, -1)
    return Detections(boxes.gather(1, order[..., None].expand(-1, -1, 4)), scores, labels)


def suppress(boxes: Tensor, labels: Tensor, valid: Tensor, iou_threshold: float) -> Tensor:
    """Greedy non-maximum suppression of boxes that are sorted by falling score.

    A box stays if no better box that stays overlaps it. Starting from "all stay" and applying
    that rule to all boxes at once, the first k boxes are settled after k rounds, and in practice
    all of them after a few: the fixed point is exactly the greedy result.

    Args:
        boxes: (n, k, 4).
        labels: (n, k); boxes of different classes never suppress each other.
        valid: (n, k) bool, which boxes take part.
        iou_threshold: Largest overlap of two boxes that both stay.

    Returns:
        (n, k) bool.
    """
    same = labels[:, :, None] == labels[:, None, :]
    better = torch.ones_like(same).triu(1)
    beats = (box_iou(boxes, boxes) > iou_threshold) & same & better
    kept = valid
    for _ in range(boxes.shape[1]):
        beaten = torch.bmm(kept[:, None].float(), beats.float())[:, 0] > 0
        settled = valid & ~beaten
        if torch.equal(settled, kept):
            break
        kept = settled
    return kept
