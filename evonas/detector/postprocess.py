"""From codes and logits to detections, a whole batch at once."""

from typing import NamedTuple

from torch import Tensor

from evonas.detector.anchors import decode_boxes


class Detections(NamedTuple):
    """Padded detections of a batch, best first; padding has box and score 0 and label -1."""

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
    from torchvision.ops import nms

    n, _, n_classes = logits.shape
    flat = logits.float().reshape(n, -1)
    best, index = flat.topk(min(candidates, flat.shape[1]), dim=1)
    scores = best.sigmoid()
    anchor, labels = index // n_classes, index % n_classes
    chosen = codes.float().gather(1, anchor[..., None].expand(-1, -1, 4))
    boxes = decode_boxes(chosen, anchors[anchor]).clamp(0, image_size)
    # Every class on a ground of its own, where it meets no other; in float64, so that no overlap
    # is rounded by being far out.
    apart = boxes.double() + (labels * (2 * image_size))[..., None]
    found = Detections(
        boxes.new_zeros(n, detections, 4),
        scores.new_zeros(n, detections),
        labels.new_full((n, detections), -1),
    )
    for i, valid in enumerate((scores > score_threshold).sum(1).tolist()):
        kept = nms(apart[i, :valid], scores[i, :valid].double(), iou_threshold)[:detections]
        for into, values in zip(found, (boxes, scores, labels), strict=True):
            into[i, : len(kept)] = values[i, kept]
    return found
