"""Augmentation of a whole batch at once, on the device where it lies."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from evonas.data.augmentation import Augmentation
from evonas.data.crop import (
    CANDIDATES,
    CANDIDATES_TF1,
    crop_placement,
    crop_placement_tf1,
)
from evonas.data.mosaic import mosaic

_MID_GREY = 127.5  # images are fed to networks as values from -1 to 1


def normalise(images: Tensor) -> Tensor:
    """Turns images (n, 3, h, w) uint8 into what networks are fed: float32 from -1 to 1."""
    return images.float().div_(_MID_GREY).sub_(1)


@dataclass(frozen=True, slots=True)
class Draws:
    """Random numbers of some rows of a batch: the same, whichever process has the other rows.

    Attributes:
        generator: All randomness.
        first: The first row's place in the batch.
        total: Rows of the whole batch; None where there are no others.
    """

    generator: torch.Generator
    first: int = 0
    total: int | None = None

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Draws (n, *shape) numbers from 0 to 1."""
        drawn = torch.rand(
            (self.total or n, *shape), generator=self.generator, device=self.generator.device
        )
        return drawn[self.first : self.first + n]

    def symmetric(self, n: int, *shape: int) -> Tensor:
        """Draws (n, *shape) numbers from -1 to 1."""
        return 2 * self.uniform(n, *shape) - 1

    def happens(self, n: int, probability: float) -> Tensor:
        """Draws n times 1.0 with that probability, else 0.0."""
        return (self.uniform(n) < probability).float()


def augment(
    images: Tensor,
    boxes: Tensor,
    labels: Tensor,
    draws: torch.Generator | Draws,
    how: Augmentation | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Changes each image of a batch at random, and its boxes with it.

    Args:
        images: (n, 3, h, w) uint8.
        boxes: (n, max_boxes, 4) x1, y1, x2, y2 in pixels.
        labels: (n, max_boxes), -1 for padding.
        draws: All randomness.
        how: How much; the default if None.

    Returns:
        Images as `normalise` gives them, boxes clipped to the image, and labels, -1 for those
        that are out of sight. A mosaic has the boxes of four images.
    """
    how = how or Augmentation()
    draws = Draws(draws) if isinstance(draws, torch.Generator) else draws
    n = len(images)
    pixels = normalise(images)
    if how.mosaic:
        chosen = draws.happens(n, how.mosaic).bool().to(images.device)
        pixels, boxes, labels = mosaic(pixels, boxes, labels, chosen)
    if how.transpose:
        chosen = draws.happens(n, how.transpose).bool().to(images.device)
        pixels, boxes = _transpose(pixels, boxes, chosen)
    scale, shift = (value.to(images.device) for value in _draw_placement(n, how, draws))
    least: float | Tensor = how.min_visible
    if how.crop:
        wanted = draws.happens(n, how.crop).bool().to(images.device)
        side = boxes.new_tensor([images.shape[-1], images.shape[-2]]).repeat(2)
        candidates = CANDIDATES_TF1 if how.crop_rule == "tf1" else CANDIDATES
        drawn = draws.uniform(n, 1 + 4 * candidates).to(images.device)
        if how.crop_rule == "tf1":
            first_scale, first_shift, least = crop_placement_tf1(
                boxes / side, labels >= 0, wanted, drawn
            )
        else:
            first_scale, first_shift = crop_placement(boxes / side, labels >= 0, wanted, drawn)
        scale, shift = first_scale * scale, first_shift * scale + shift
    elif how.zoom == how.stretch == 1:
        half = shift.new_tensor([images.shape[-1], images.shape[-2]]) / 2
        shift = (shift * half).round() / half
    moved = _resample(pixels, scale, shift)
    boxes, labels = _move_boxes(boxes, labels, scale, shift, images.shape[-2:], least)
    return _recolour(moved, how, draws), boxes, labels


def _transpose(images: Tensor, boxes: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Swaps the axes of the chosen (n,) images, which are square, and of their boxes."""
    images = torch.where(chosen[:, None, None, None], images.mT, images)
    return images, torch.where(chosen[:, None, None], boxes[..., [1, 0, 3, 2]], boxes)


def _draw_placement(n: int, how: Augmentation, draws: Draws) -> tuple[Tensor, Tensor]:
    """Draws scale (n, 2), negative where mirrored, and shift (n, 2) in half sides, for x and y."""
    zoom = how.zoom ** draws.symmetric(n, 1)
    stretch = how.stretch ** (0.5 * draws.symmetric(n, 1))
    scale = torch.cat([zoom * stretch, zoom / stretch], dim=1)
    scale[:, 0] *= 1 - 2 * draws.happens(n, how.flip)
    if how.flip_vertical:
        scale[:, 1] *= 1 - 2 * draws.happens(n, how.flip_vertical)
    return scale, 2 * how.shift * draws.symmetric(n, 2)


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
    min_visible: float | Tensor,
) -> tuple[Tensor, Tensor]:
    half = boxes.new_tensor([height_width[1], height_width[0]]) / 2
    corners = boxes.reshape(*boxes.shape[:2], 2, 2)  # (n, max_boxes, 2 corners, x and y)
    corners = (corners - half) * scale[:, None, None] + (1 + shift[:, None, None]) * half
    low, high = corners.amin(2), corners.amax(2)  # mirroring swaps the corners
    clipped_low = low.clamp(min=0).minimum(2 * half)
    clipped_high = high.clamp(min=0).minimum(2 * half)
    visible = (clipped_high - clipped_low).prod(-1)
    if isinstance(min_visible, Tensor):  # one for each image
        min_visible = min_visible[:, None] - 1e-5  # a box that just fits is seen in full
    seen = (labels >= 0) & (visible > 0) & (visible >= min_visible * (high - low).prod(-1))
    moved = torch.cat([clipped_low, clipped_high], dim=-1)
    return moved * seen[..., None], labels.masked_fill(~seen, -1)


def _recolour(images: Tensor, how: Augmentation, draws: Draws) -> Tensor:
    """Applies one factor and one offset per image and channel."""
    n = len(images)
    factor = 1 + how.contrast * draws.symmetric(n, 1, 1, 1)
    factor = factor * (1 + how.colour * draws.symmetric(n, 3, 1, 1))
    factor = factor * (1 - 2 * draws.happens(n, how.invert)[:, None, None, None])
    offset = how.brightness * draws.symmetric(n, 1, 1, 1)
    if how.saturation:
        strength = 1 + how.saturation * draws.symmetric(n, 1, 1, 1)
        grey = images.mean(1, keepdim=True)
        images = torch.lerp(grey.expand_as(images), images, strength.to(images.device))
    return torch.addcmul(offset.to(images.device), images, factor.to(images.device)).clamp_(-1, 1)
