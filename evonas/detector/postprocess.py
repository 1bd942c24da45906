"""From codes and logits to detections, a whole batch at once."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from evonas.detector.anchors import decode_boxes
from evonas.detector.protocol import FAST, Protocol


class Detections(NamedTuple):
    """Padded detections of a batch, best first; padding has box and score 0 and label -1."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor


def postprocess(
    codes: Tensor, logits: Tensor, anchors: Tensor, image_size: int, protocol: Protocol = FAST
) -> Detections:
    """Decodes boxes and suppresses all but the best of a place, as the protocol says.

    Args:
        codes: (n, n_anchors, 4).
        logits: (n, n_anchors, n_classes).
        anchors: (n_anchors, 4) in pixels.
        image_size: Side to which boxes are clipped.
        protocol: How.

    Returns:
        Boxes (n, detections, 4) as x1, y1, x2, y2 in pixels, scores and labels (n, detections).
    """
    codes, logits = codes.float(), logits.float()
    if not len(codes):
        nothing = codes.new_zeros(0, protocol.detections)
        return Detections(nothing[..., None].expand(-1, -1, 4), nothing, nothing.long())
    if protocol.candidates:
        return _of_the_best(codes, logits, anchors, image_size, protocol)
    found = [
        _of_all(decode_boxes(of_image, anchors), scores, image_size, protocol)
        for of_image, scores in zip(codes, logits.sigmoid(), strict=True)
    ]
    return Detections(*(torch.stack(part) for part in zip(*found, strict=True)))


def _of_the_best(
    codes: Tensor, logits: Tensor, anchors: Tensor, image_size: int, protocol: Protocol
) -> Detections:
    """Suppresses among the best (anchor, class) pairs of each image."""
    from torchvision.ops import nms

    n, n_anchors, n_classes = logits.shape
    most, detections = protocol.candidates, protocol.detections
    # The best pairs are pairs of the anchors with the best best class.
    near = logits.amax(2).topk(min(most, n_anchors), dim=1).indices
    near_logits = logits.gather(1, near[..., None].expand(-1, -1, n_classes)).reshape(n, -1)
    best, index = near_logits.topk(min(most, near_logits.shape[1]), dim=1)
    scores = best.sigmoid()
    anchor, labels = near.gather(1, index // n_classes), index % n_classes
    chosen = codes.gather(1, anchor[..., None].expand(-1, -1, 4))
    boxes = decode_boxes(chosen, anchors[anchor])
    clipped = boxes.clamp(0, image_size)
    boxes = clipped if protocol.clip == "before" else boxes
    # Every class on a ground of its own, where it meets no other; in float64, so that no overlap
    # is rounded by being far out.
    ground = 2 * image_size if protocol.clip == "before" else 2 * boxes.abs().max().ceil() + 1
    apart = boxes.double() + (labels * ground * protocol.per_class)[..., None]
    precise = scores.double()
    kept = []
    for i, valid in enumerate((scores > protocol.score_threshold).sum(1).tolist()):
        order = nms(apart[i, :valid], precise[i, :valid], protocol.iou_threshold)
        kept.append(_limited(order, labels[i], protocol.detections_per_class)[:detections])
    # The last one, which has no image, makes all as wide as the most that an image keeps.
    order = pad_sequence([*kept, boxes.new_zeros(detections).long()], True, padding_value=-1)[:n]
    padding, order = order < 0, order.clamp(min=0)
    return Detections(
        clipped.gather(1, order[..., None].expand(-1, -1, 4)).masked_fill(padding[..., None], 0),
        scores.gather(1, order).masked_fill(padding, 0),
        labels.gather(1, order).masked_fill(padding, -1),
    )


def _limited(order: Tensor, labels: Tensor, most: int) -> Tensor:
    """Leaves out what exceeds the limit of a class; `order` (k,) indexes `labels`."""
    if not most or not len(order):
        return order
    same = labels[order, None] == labels[None, order]
    return order[same.tril().sum(1) <= most]


def _of_all(boxes: Tensor, scores: Tensor, image_size: int, protocol: Protocol) -> Detections:
    """Suppresses among all boxes of one image, (n_anchors, 4), with scores of all classes.

    As TensorFlow's detection API with static shapes: class by class, then all classes' best
    together; of equal scores the lower class, then the lower anchor comes first.
    """
    from torchvision.ops import nms

    clipped = boxes.clamp(0, image_size)
    if protocol.clip == "before":
        boxes = clipped
    most = protocol.detections_per_class or protocol.detections
    precise = boxes.double()
    if protocol.per_class:
        columns = scores
    else:
        columns = scores.amax(1, keepdim=True)
    anchors = []
    for column in columns.T:
        valid = (column > protocol.score_threshold).nonzero()[:, 0]
        anchors.append(valid[nms(precise[valid], column[valid].double(), protocol.iou_threshold)])
    if protocol.per_class:
        anchors = [kept[:most] for kept in anchors]
        label = torch.cat([torch.full_like(kept, i) for i, kept in enumerate(anchors)])
    else:
        label = scores.argmax(1)[anchors[0]]
    anchor = torch.cat(anchors)
    has_area = (clipped[anchor, 2:] > clipped[anchor, :2]).all(1)
    anchor, label = anchor[has_area], label[has_area]
    score = scores[anchor, label]
    order = score.argsort(descending=True, stable=True)
    if not protocol.per_class:
        order = _limited(order, label, protocol.detections_per_class)
    order = order[: protocol.detections]
    padded = [
        part.new_full((protocol.detections, *part.shape[1:]), fill)
        for part, fill in ((clipped, 0.0), (score, 0.0), (label, -1))
    ]
    for into, values in zip(padded, (clipped[anchor], score, label), strict=True):
        into[: len(order)] = values[order]
    return Detections(*padded)
