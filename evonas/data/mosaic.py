"""Mosaic: four images of a batch in one."""

import torch
from torch import Tensor
from torch.nn import functional as F


def mosaic(
    images: Tensor, boxes: Tensor, labels: Tensor, chosen: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Replaces chosen images by themselves and the next three of the batch, each at half size.

    Args:
        images: (n, 3, h, w) float, h and w even.
        boxes: (n, m, 4) x1, y1, x2, y2 in pixels.
        labels: (n, m), -1 for padding.
        chosen: (n,) bool.

    Returns:
        Images, boxes (n, 4 * m, 4) and labels (n, 4 * m); padded where not chosen.
    """
    half = F.interpolate(images, scale_factor=0.5, mode="bilinear", antialias=True)
    height, width = half.shape[-2:]
    rows = [
        torch.cat([half, half.roll(-1, 0)], 3),
        torch.cat([half.roll(-2, 0), half.roll(-3, 0)], 3),
    ]
    pixels = torch.where(chosen[:, None, None, None], torch.cat(rows, 2), images)
    corner = boxes.new_tensor([[0, 0], [width, 0], [0, height], [width, height]]).repeat(1, 2)
    quarters = [boxes.roll(-k, 0) / 2 + corner[k] for k in range(4)]
    first = torch.where(chosen[:, None, None], quarters[0], boxes)
    theirs = [labels.roll(-k, 0).masked_fill(~chosen[:, None], -1) for k in range(1, 4)]
    return pixels, torch.cat([first, *quarters[1:]], 1), torch.cat([labels, *theirs], 1)
