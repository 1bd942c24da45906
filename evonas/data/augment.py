"""Augmentation of a whole batch at once, on the device where it lies."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_MID_GREY = 127.5  # images are fed to networks as values from -1 to 1


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much images are changed; the defaults suit digits, which must not be mirrored.

    Args:
        zoom: Images are scaled by a factor from 1/zoom to zoom.
        stretch: On top, one axis by a factor from 1/stretch to stretch against the other.
        shift: Largest translation, as a share of the image's side.
        min_visible: Boxes of which a smaller share stays in the image are dropped.
        flip: Probability of mirroring left to right.
        brightness: Largest change, as a share of half the value range.
        contrast: Largest relative change.
        colour: Largest relative change of a single channel.
        invert: Probability of turning an image into its negative.
    """

    zoom: float = 1.3
    stretch: float = 1.15
    shift: float = 0.15
    min_visible: float = 0.6
    flip: float = 0.0
    brightness: float = 0.3
    contrast: float = 0.3
    colour: float = 0.2
    invert: float = 0.0


def normalise(images: Tensor) -> Tensor:
    """Turns images (n, 3, h, w) uint8 into what networks are fed: float32 from -1 to 1."""
    return images.float().div_(_MID_GREY).sub_(1)


def augment(
    images: Tensor,
    boxes: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    how: Augmentation | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Changes each image of a batch at random, and its boxes with it.

    Args:
        images: (n, 3, h, w) uint8.
        boxes: (n, max_boxes, 4) x1, y1, x2, y2 in pixels.
        labels: (n, max_boxes), -1 for padding.
        generator: All randomness.
        how: How much; the default if None.

    Returns:
        Images as `normalise` gives them, boxes clipped to the image, and labels, -1 for those
        that are out of sight.
    """
    how = how or Augmentation()
    scale, shift = _draw_placement(len(images), how, generator)
    scale, shift = scale.to(images.device), shift.to(images.device)
    moved = _resample(normalise(images), scale, shift)
    boxes, labels = _move_boxes(boxes, labels, scale, shift, images.shape[-2:], how.min_visible)
    return _recolour(moved, how, generator), boxes, labels


def _draw_placement(n: int, how: Augmentation, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draws scale (n, 2), negative where mirrored, and shift (n, 2) in half sides, for x and y."""
    zoom = how.zoom ** _symmetric((n, 1), generator)
    stretch = how.stretch ** (0.5 * _symmetric((n, 1), generator))
    scale = torch.cat([zoom * stretch, zoom / stretch], dim=1)
    scale[:, 0] *= 1 - 2 * _happens(n, how.flip, generator)
    return scale, 2 * how.shift * _symmetric((n, 2), generator)


def _resample(images: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Scales about the centre, then shifts; what comes into view is mid-grey."""
    n, _, height, width = images.shape
    grid = images.new_empty(n, height, width, 2)
    for axis, side in enumerate((width, height)):
        centres = (2 * torch.arange(side, device=images.device) + 1) / side - 1
        source = (centres - shift[:, axis, None]) / scale[:, axis, None]
        grid[..., axis] = source[:, None, :] if axis == 0 else source[:, :, None]
    return F.grid_sample(images, grid, mode="bilinear", align_corners=False)


def _move_boxes(
    boxes: Tensor,
    labels: Tensor,
    scale: Tensor,
    shift: Tensor,
    height_width: torch.Size,
    min_visible: float,
) -> tuple[Tensor, Tensor]:
    half = boxes.new_tensor([height_width[1], height_width[0]]) / 2
    corners = boxes.reshape(*boxes.shape[:2], 2, 2)  # (n, max_boxes, 2 corners, x and y)
    corners = (corners - half) * scale[:, None, None] + (1 + shift[:, None, None]) * half
    low, high = corners.amin(2), corners.amax(2)  # mirroring swaps the corners
    clipped_low = low.clamp(min=0).minimum(2 * half)
    clipped_high = high.clamp(min=0).minimum(2 * half)
    visible = (clipped_high - clipped_low).prod(-1)
    seen = (labels >= 0) & (visible > 0) & (visible >= min_visible * (high - low).prod(-1))
    moved = torch.cat([clipped_low, clipped_high], dim=-1)
    return moved * seen[..., None], labels.masked_fill(~seen, -1)


def _recolour(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Applies one factor and one offset per image and channel."""
    n = len(images)
    factor = 1 + how.contrast * _symmetric((n, 1, 1, 1), generator)
    factor = factor * (1 + how.colour * _symmetric((n, 3, 1, 1), generator))
    factor = factor * (1 - 2 * _happens(n, how.invert, generator)[:, None, None, None])
    offset = how.brightness * _symmetric((n, 1, 1, 1), generator)
    return torch.addcmul(offset.to(images.device), images, factor.to(images.device)).clamp_(-1, 1)


def _symmetric(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draws uniformly from -1 to 1."""
    return 2 * torch.rand(shape, generator=generator, device=generator.device) - 1


def _happens(n: int, probability: float, generator: torch.Generator) -> Tensor:
    """Draws n times 1.0 with that probability, else 0.0."""
    return (torch.rand(n, generator=generator, device=generator.device) < probability).float()
