"""SSD's random crop, for a whole batch at once: a crop is a scale and a shift of the image."""

import torch
from torch import Tensor

# As in SSD: the share of some box that a crop must show, one for each image.
_LEAST_SHOWN = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
_AREA = (0.1, 1.0)  # of the image
_ASPECT = 2.0  # width over height is from 1/2 to 2
# TensorFlow's ssd_random_crop has one more, and draws up to 100 crops where evonas draws 20.
_LEAST_SHOWN_TF1 = (*_LEAST_SHOWN, 1.0)
CANDIDATES, CANDIDATES_TF1 = 20, 100
_ROUNDING = 1e-6  # of a share that is 1


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


def crop_placement_tf1(
    boxes: Tensor, present: Tensor, wanted: Tensor, drawn: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns how images are scaled and shifted so that a crop of each fills it, as TensorFlow 1.

    Of an image's candidates the first one is taken that shows the image's threshold of some box;
    without one the whole image. Sides are shares of the image's, so on images that were made
    square the aspect is that of the square.

    Args:
        boxes: (n, m, 4) x1, y1, x2, y2 as shares of the image's sides.
        present: (n, m), false for padding.
        wanted: (n,), which images are to be cropped.
        drawn: (n, 1 + 4 * candidates) uniform numbers.

    Returns:
        Scale (n, 2) and shift (n, 2) in half sides, for x and y, and the threshold (n,): a box
        stays if that share of its area is in the crop; 0 where an image is not cropped.
    """
    low, size = _candidates_tf1(drawn[:, 1:].reshape(len(drawn), -1, 4))
    n_thresholds = len(_LEAST_SHOWN_TF1)
    chosen_threshold = (drawn[:, 0] * n_thresholds).long().clamp(max=n_thresholds - 1)
    least = drawn.new_tensor(_LEAST_SHOWN_TF1)[chosen_threshold]
    corner, far = boxes[:, None, :, :2], boxes[:, None, :, 2:]  # (n, 1, m, 2)
    high = (low + size)[:, :, None]
    seen = (torch.minimum(far, high) - torch.maximum(corner, low[:, :, None])).clamp(min=0)
    share = seen.prod(-1) / (far - corner).prod(-1).clamp(min=1e-9)
    enough = (share >= least[:, None, None] - _ROUNDING) & present[:, None]
    # TensorFlow takes the whole image where there is no box.
    good = enough.any(-1) & wanted[:, None]  # (n, candidates)
    chosen = good.float().argmax(1)
    row = torch.arange(len(chosen), device=chosen.device)
    cropped = good[row, chosen][:, None]
    scale = torch.where(cropped, 1 / size[row, chosen], 1.0)
    centre_at = 2 * (low + size / 2)[row, chosen] - 1
    shift = torch.where(cropped, -scale * centre_at, 0.0)
    return scale, shift, least.masked_fill(~cropped[:, 0], 0.0)


def _candidates_tf1(drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Returns low corner and size, (n, candidates, 2) each, of uniform (n, candidates, 4).

    The aspect is uniform, then the height, over all that keep the area and the image's sides.
    """
    aspect = 1 / _ASPECT + (_ASPECT - 1 / _ASPECT) * drawn[..., 1]
    least, most = ((area / aspect).sqrt() for area in _AREA)
    most = torch.minimum(most, (1 / aspect).clamp(max=1))
    height = least + (most - least).clamp(min=0) * drawn[..., 0]
    size = torch.stack([height * aspect, height], -1).clamp(max=1)
    return drawn[..., 2:] * (1 - size), size


def _candidates(drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Returns low corner and size, (n, candidates, 2) each, of uniform (n, candidates, 4)."""
    area = _AREA[0] + (_AREA[1] - _AREA[0]) * drawn[..., 0]
    aspect = _ASPECT ** (2 * drawn[..., 1] - 1)
    size = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], -1).clamp(max=1)
    return drawn[..., 2:] * (1 - size), size
