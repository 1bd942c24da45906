"""SSD's random crop, for a whole batch at once: a crop is a scale and a shift of the image."""

import torch
from torch import Tensor

# As TensorFlow's ssd_random_crop: the share of some box that a crop must show, one for each image.
_LEAST_SHOWN = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
_AREA = (0.1, 1.0)  # of the image
_ASPECT = 2.0  # width over height is from 1/2 to 2


def crop_placement(
    boxes: Tensor, present: Tensor, wanted: Tensor, drawn: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns how images are scaled and shifted so that a crop of each fills it.

    Of an image's candidates the first one is taken that shows enough of some box and the centre
    of one. Without such a candidate, or box, the image stays as it is.

    Args:
        boxes: (n, m, 4) x1, y1, x2, y2 as shares of the image's sides.
        present: (n, m), false for padding.
        wanted: (n,), which images are to be cropped.
        drawn: (n, 1 + 4 * candidates) uniform numbers.

    Returns:
        Scale (n, 2) and shift (n, 2) in half sides, for x and y.
    """
    low, size = _candidates(drawn[:, 1:].reshape(len(drawn), -1, 4))
    least = drawn.new_tensor(_LEAST_SHOWN)[(drawn[:, 0] * len(_LEAST_SHOWN)).long()]
    high = low + size
    corner, far = boxes[:, None, :, :2], boxes[:, None, :, 2:]  # (n, 1, m, 2)
    inside = (torch.minimum(far, high[:, :, None]) - torch.maximum(corner, low[:, :, None])).clamp(
        min=0
    )
    overlap = inside.prod(-1)
    share = overlap / (far - corner).prod(-1).clamp(min=1e-9)
    centre = (corner + far) / 2
    shown = ((centre > low[:, :, None]) & (centre < high[:, :, None])).all(-1) & present[:, None]
    enough = (share >= least[:, None, None]) & present[:, None]
    good = shown.any(-1) & enough.any(-1) & wanted[:, None]  # (n, candidates)
    chosen = good.float().argmax(1)
    row = torch.arange(len(chosen), device=chosen.device)
    cropped = good[row, chosen][:, None]
    scale = torch.where(cropped, 1 / size[row, chosen], 1.0)
    centre_at = 2 * (low + size / 2)[row, chosen] - 1
    return scale, torch.where(cropped, -scale * centre_at, 0.0)


def _candidates(drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Returns low corner and size, (n, candidates, 2) each, of uniform (n, candidates, 4)."""
    area = _AREA[0] + (_AREA[1] - _AREA[0]) * drawn[..., 0]
    aspect = _ASPECT ** (2 * drawn[..., 1] - 1)
    size = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], -1).clamp(max=1)
    return drawn[..., 2:] * (1 - size), size
