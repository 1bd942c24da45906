"""Matching and loss of SSD over a whole batch at once."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from evonas.detector.anchors import box_iou, decode_boxes, encode_boxes, generalised_iou


class Loss(NamedTuple):
    """The two parts of the detection loss, each normalised by the number of matches (1 if none)."""

    classes: Tensor
    boxes: Tensor
    matches: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return self.classes + self.boxes


def match(anchors: Tensor, boxes: Tensor, present: Tensor, overlap: float = 0.5) -> Tensor:
    """Assigns each anchor to the box that it overlaps most, if by `overlap`.

    Each box takes its best anchor whatever the overlap (where two boxes share a best anchor, the
    later one takes it).

    Args:
        anchors: (n_anchors, 4).
        boxes: (n, m, 4), padded, m at least 1.
        present: (n, m) bool, false for padding.
        overlap: Least intersection over union of a match that is not forced.

    Returns:
        (n, n_anchors) index of the box, or -1 for background.
    """
    n, m = present.shape
    iou = box_iou(boxes, anchors).masked_fill(~present[..., None], -1.0)
    best, index = iou.max(1)
    index = index.masked_fill(best < overlap, -1)
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
    box_loss: str = "smooth_l1",
    match_overlap: float = 0.5,
) -> Loss:
    """Sigmoid focal loss on classes and a loss on boxes; smooth L1 is the paper's.

    Args:
        codes: (n, n_anchors, 4) predicted.
        logits: (n, n_anchors, n_classes) predicted.
        anchors: (n_anchors, 4) in pixels.
        boxes: (n, m, 4) true boxes in pixels, padded.
        labels: (n, m) true labels, -1 for padding.
        alpha: Weight of the positive class in the focal loss.
        gamma: Its exponent.
        box_loss: See `box_losses`.
        match_overlap: See `match`.
    """
    codes, logits = codes.float(), logits.float()
    if labels.shape[1] == 0:  # nothing to gather from
        boxes, labels = boxes.new_zeros(len(boxes), 1, 4), labels.new_full((len(labels), 1), -1)
    matched = match(anchors, boxes, labels >= 0, match_overlap)
    image, anchor = (matched >= 0).nonzero(as_tuple=True)
    box = matched[image, anchor]
    count = max(len(box), 1)

    n_anchors, n_classes = logits.shape[1:]
    hits = (image * n_anchors + anchor) * n_classes + labels[image, box]
    classes: Tensor = _FocalLoss.apply(logits, hits, alpha, gamma)

    losses = box_losses(codes[image, anchor], anchors[anchor], boxes[image, box], box_loss)
    return Loss(classes / count, losses.sum() / count, torch.tensor(len(box), device=codes.device))


def box_losses(codes: Tensor, anchors: Tensor, boxes: Tensor, kind: str) -> Tensor:
    """Returns the loss (...) of each predicted box against its true one.

    Args:
        codes: (..., 4) predicted.
        anchors: (..., 4) in pixels.
        boxes: (..., 4) true, in pixels.
        kind: `smooth_l1` of the codes, summed over the four; or `giou`, what the boxes' generalised
            intersection over union lacks to 1: 0 to 2.
    """
    if kind == "giou":
        return 1 - generalised_iou(decode_boxes(codes, anchors), boxes)
    return F.smooth_l1_loss(codes, encode_boxes(boxes, anchors), reduction="none").sum(-1)


class _FocalLoss(torch.autograd.Function):
    """Sigmoid focal loss, summed, with its gradient written out.

    Nearly all of millions of targets are 0: the loss is taken as if all were, and the few hits are
    set right. Every pass over all logits counts, and autograd would make twice as many.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, hits: Tensor, alpha: float, gamma: float) -> Tensor:
        flat = logits.flatten()
        hit = flat[hits]
        loss, slope = _missed(flat, gamma)
        taken, _ = _missed(hit, gamma)
        found, rise = _missed(-hit, gamma)
        if ctx.needs_input_grad[0]:
            slope *= 1 - alpha
            slope[hits] = -alpha * rise
            ctx.save_for_backward(slope.view_as(logits))
        return (1 - alpha) * (loss - taken) + alpha * found

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradient, None, None, None


def _missed(logits: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """Returns the unweighted loss, summed, of logits (n,) whose target is 0, and its slope (n,).

    With -logits, of those whose target is 1. The loss is p**gamma * -log(1 - p).
    """
    probability = logits.sigmoid()
    entropy = F.softplus(logits)
    weight = probability**gamma
    loss = torch.dot(weight, entropy)
    slope = torch.addcmul(probability, 1 - probability, entropy, value=gamma)
    return loss, slope.mul_(weight)
