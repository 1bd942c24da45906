"""Anchors and the box coder of SSD."""

from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor

from evonas.space import Skeleton
from evonas.space.architecture import head_levels

# TensorFlow's Faster R-CNN box coder, as in the published configurations: codes are scaled by
# 10 (centre) and 5 (log size).
BOX_SCALES = (10.0, 5.0)
# A predicted side is at most this many times its anchor's (as torchvision clips).
LARGEST_LOG = 4.135


@lru_cache
def anchor_boxes(skeleton: Skeleton) -> Tensor:
    """Returns (n_anchors, 4) anchors as x1, y1, x2, y2 in pixels of the network's input.

    Scales (square root of the area) rise evenly over the levels; one more anchor stands between
    a level's scale and the next one's. A reduced first level has a square of half the
    smallest scale and the ratios 2 and 1/2.
    """
    head = skeleton.head
    low, high = head.scales
    steps = max(head.n_levels - 1, 1)
    scales = [low + (high - low) * i / steps for i in range(head.n_levels)] + [1.0]
    levels = head_levels(skeleton, [8] * len(head.taps))
    boxes = []
    for number, level in enumerate(levels):
        shapes = torch.tensor(list(_shapes(skeleton, number, scales))) * skeleton.image_size
        centres = (torch.arange(level.size) + 0.5) * (skeleton.image_size / level.size)
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        centre = torch.stack([x, y], -1).reshape(-1, 1, 2)
        half = shapes.reshape(1, -1, 2) / 2
        boxes.append(torch.cat([centre - half, centre + half], -1).reshape(-1, 4))
    return torch.cat(boxes)


def _shapes(skeleton: Skeleton, level: int, scales: list[float]) -> Iterator[tuple[float, float]]:
    head, scale = skeleton.head, scales[level]
    if level == 0 and head.reduced_first_level:
        yield scale / 2, scale / 2
        ratios: tuple[float, ...] = (2.0, 0.5)
    else:
        between = (scale * scales[level + 1]) ** 0.5
        yield _sides(between, head.interpolated_ratio)
        ratios = head.aspect_ratios
    for ratio in ratios:
        yield _sides(scale, ratio)


def _sides(scale: float, ratio: float) -> tuple[float, float]:
    return scale * ratio**0.5, scale / ratio**0.5


def encode_boxes(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Returns the codes (..., 4) of boxes (..., 4) against anchors that broadcast to them."""
    centre, size = centre_size(boxes)
    anchor_centre, anchor_size = centre_size(anchors)
    return torch.cat(
        [
            (centre - anchor_centre) / anchor_size * BOX_SCALES[0],
            (size.clamp(min=1e-3) / anchor_size).log() * BOX_SCALES[1],
        ],
        -1,
    )


def decode_boxes(codes: Tensor, anchors: Tensor) -> Tensor:
    """Returns the boxes (..., 4) as x1, y1, x2, y2 that the codes mean."""
    anchor_centre, anchor_size = centre_size(anchors)
    centre = codes[..., :2] / BOX_SCALES[0] * anchor_size + anchor_centre
    half = (codes[..., 2:] / BOX_SCALES[1]).clamp(max=LARGEST_LOG).exp() * anchor_size / 2
    return torch.cat([centre - half, centre + half], -1)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Returns the generalised intersection over union (...) of boxes (..., 4), pair by pair.

    From -1 to 1; Rezatofighi et al., arXiv 1902.09630. Shapes do not depend on values, as a CUDA
    graph wants it and torchvision's loss does not.
    """
    low, high = torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])
    first, last = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    intersection = (last - first).clamp(min=0).prod(-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(-1) for box in (a, b)]
    union = (areas[0] + areas[1] - intersection).clamp(min=1e-9)
    hull = (high - low).prod(-1).clamp(min=1e-9)
    return intersection / union - (hull - union) / hull


def centre_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the centres and the sides, (..., 2) each, of boxes (..., 4)."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """Returns (..., n, m) intersection over union of boxes (..., n, 4) and (..., m, 4)."""
    # Coordinate by coordinate: the innermost dimension stays long, which is what vectorises.
    ax1, ay1, ax2, ay2 = (side[..., :, None] for side in a.unbind(-1))
    bx1, by1, bx2, by2 = (side[..., None, :] for side in b.unbind(-1))
    width = (torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1)).clamp_(min=0)
    height = (torch.minimum(ay2, by2) - torch.maximum(ay1, by1)).clamp_(min=0)
    intersection = width.mul_(height)
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - intersection
    return intersection / union.clamp_(min=1e-9)
