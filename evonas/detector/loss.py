"""Matching and loss of SSD over a whole batch at once."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from evonas.detector.anchors import box_iou, encode_boxes


class Loss(NamedTuple):
    """The two parts of the detection loss, each normalised by the number of matches (1 if none)."""

    classes: Tensor
    boxes: Tensor
    matches: Tensor

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
    image, anchor = (matched >= 0).nonzero(as_tuple=True)
    box = matched[image, anchor]
    count = max(len(box), 1)

    # Nearly all targets are 0: their loss is taken over everything, the few others set right.
    hit = logits[image, anchor, labels[image, box]]
    classes = (1 - alpha) * (_background_loss(logits, gamma) - _background_loss(hit, gamma))
    classes = classes + alpha * _background_loss(-hit, gamma)

    true_codes = encode_boxes(boxes[image, box], anchors[anchor])
    box_loss = F.smooth_l1_loss(codes[image, anchor], true_codes, reduction="sum")
    return Loss(classes / count, box_loss / count, (matched >= 0).sum())


class _BackgroundLoss(torch.autograd.Function):
    """Focal loss of logits whose target is 0: the sum of p**gamma * -log(1 - p).

    Its gradient, p**gamma * (gamma * (1 - p) * -log(1 - p) + p), is written out: there are
    millions of background logits, and each pass over them that autograd needs not make counts.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, gamma: float) -> Tensor:
        probability = logits.sigmoid()
        entropy = F.softplus(logits)
        weight = probability**gamma
        loss = torch.dot(weight.flatten(), entropy.flatten())
        if ctx.needs_input_grad[0]:
            rest = (1 - probability).mul_(entropy).mul_(gamma)
            ctx.save_for_backward(weight.mul_(rest.add_(probability)))
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradient, None


def _background_loss(logits: Tensor, gamma: float) -> Tensor:
    """Focal loss, unweighted, of logits whose target is 0; of -logits, those whose target is 1."""
    loss: Tensor = _BackgroundLoss.apply(logits, gamma)
    return loss
