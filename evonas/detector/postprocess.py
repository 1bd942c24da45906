"""From codes and logits to detections, a whole batch at once."""

from typing import NamedTuple

from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

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

    n, n_anchors, n_classes = logits.shape
    logits = logits.float()
    # The best pairs are pairs of the anchors with the best best class.
    near = logits.amax(2).topk(min(candidates, n_anchors), dim=1).indices
    near_logits = logits.gather(1, near[..., None].expand(-1, -1, n_classes)).reshape(n, -1)
    best, index = near_logits.topk(min(candidates, near_logits.shape[1]), dim=1)
    scores = best.sigmoid()
    anchor, labels = near.gather(1, index // n_classes), index % n_classes
    chosen = codes.float().gather(1, anchor[..., None].expand(-1, -1, 4))
    boxes = decode_boxes(chosen, anchors[anchor]).clamp(0, image_size)
    # Every class on a ground of its own, where it meets no other; in float64, so that no overlap
    # is rounded by being far out.
    apart = boxes.double() + (labels * (2 * image_size))[..., None]
    precise = scores.double()
    kept = [
        nms(apart[i, :valid], precise[i, :valid], iou_threshold)[:detections]
        for i, valid in enumerate((scores > score_threshold).sum(1).tolist())
    ]
    # The last one, which has no image, makes all as wide as the most that an image keeps.
    order = pad_sequence([*kept, boxes.new_zeros(detections).long()], True, padding_value=-1)[:n]
    padding, order = order < 0, order.clamp(min=0)
    return Detections(
        boxes.gather(1, order[..., None].expand(-1, -1, 4)).masked_fill(padding[..., None], 0),
        scores.gather(1, order).masked_fill(padding, 0),
        labels.gather(1, order).masked_fill(padding, -1),
    )
