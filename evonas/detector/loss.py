"""Matching and loss of SSD over a whole batch at once."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from evonas.detector.anchors import box_iou, encode_boxes


class Loss(NamedTuple):
    """The two parts of the detection loss, each normalised by the number of matches."""

    classes: Tensor
    boxes: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return self.classes + self.boxes


def match(anchors: Tensor, boxes: Tensor, present: Tensor, threshold: float = 0.5) -> Tensor:
    """Assigns each anchor to the box that it overlaps most, if by the threshold.

    Each box takes its best anchor whatever the overlap (where two boxes share a best anchor, the
    later one takes it).

    Args:
        anchors: (n_anchors, 4).
        boxes: (n, m, 4), padded, m at least 1.
        present: (n, m) bool, false for padding.
        threshold: Least intersection over union of a match that is not forced.

    Returns:
        (n, n_anchors) index of the box, or -1 for background.
    """
    n, m = present.shape
    iou = box_iou(boxes, anchors).masked_fill(~present[..., None], -1.0)
    best, index = iou.max(1)
    index = index.masked_fill(best < threshold, -1)
    best_anchor = iou.argmax(2)
    # Padding writes into a column beyond the last anchor, which is cut off again. `amax` settles
    # shared anchors the same way in every run.
    forced = torch.full((n, len(anchors) + 1), -1, device=boxes.device)
    order = torch.arange(m, device=boxes.device).expand(n, m)
    target = best_anchor.masked_fill(~present, len(anchors))
    forced.scatter_reduce_(1, target, order, "amax")
    forced = forced[:, :-1]
    return torch.where(forced >= 0, forced, index)


def detection_loss(
    codes: Tensor,
    logits: Tensor,
    anchors: Tensor,
    boxes: Tensor,
    labels: Tensor,
    alpha: float = 0.75,
    gamma: float = 2.0,
) -> Loss:
    """Sigmoid focal loss on classes and smooth L1 on box codes (the paper's recipe).

    Args:
        codes: (n, n_anchors, 4) predicted.
        logits: (n, n_anchors, n_classes) predicted.
        anchors: (n_anchors, 4) in pixels.
        boxes: (n, m, 4) true boxes in pixels, padded.
        labels: (n, m) true labels, -1 for padding.
        alpha: Weight of the positive class in the focal loss.
        gamma: Its exponent.
    """
    codes, logits = codes.float(), logits.float()
    if labels.shape[1] == 0:  # nothing to gather from
        boxes, labels = boxes.new_zeros(len(boxes), 1, 4), labels.new_full((len(labels), 1), -1)
    matched = match(anchors, boxes, labels >= 0)
    positive = matched >= 0
    index = matched.clamp(min=0)
    count = positive.sum().clamp(min=1)

    target = torch.zeros_like(logits)
    label = labels.gather(1, index).clamp(min=0)
    target.scatter_(2, label[..., None], positive[..., None].to(target.dtype))
    probability = logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    miss = probability + target - 2 * probability * target
    weight = (alpha * target + (1 - alpha) * (1 - target)) * miss**gamma

    true_boxes = boxes.gather(1, index[..., None].expand(-1, -1, 4))
    true_codes = encode_boxes(true_boxes, anchors)
    box_loss = F.smooth_l1_loss(codes[positive], true_codes[positive], reduction="sum")
    return Loss((weight * entropy).sum() / count, box_loss / count)
