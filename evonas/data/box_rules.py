"""One set of rules for boxes, whatever file they are from."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evonas.errors import ConfigurationError

BadBoxes = Literal["refuse", "drop", "clip"]
Box = tuple[float, float, float, float]  # left, top, width, height in pixels

SLACK = 1.0  # pixels that a box may reach out of its image: annotation tools round
_LEAST_SIDE = 0.99  # pixels: shares of six decimals make 0.999 of one pixel in 3,000

AS_READ, CUT, TURNED = "as read", "cut at the edge", "corners put in order"
NOT_FINITE = "not finite numbers"
SWAPPED = "swapped corners or a negative size"
NO_SIZE = "no size"
OUTSIDE = "outside the image"
REACHES_OUT = "reaching out of the image"
TINY = "under a pixel"
TWICE = "the same box a second time"
KEPT = (AS_READ, CUT, TURNED)


def check_treatment(bad_boxes: str) -> None:
    """Refuses what is no treatment of bad boxes."""
    if bad_boxes not in ("refuse", "drop", "clip"):
        raise ConfigurationError(
            f"unknown treatment of bad boxes {bad_boxes!r}; allowed: refuse, drop, clip"
        )


def judge(
    box: Box, width: int, height: int, corners: bool = False, mend: bool = True
) -> tuple[Box | None, str]:
    """Returns a box within its image and what was done, or None and why it cannot be used.

    Args:
        box: Left, top, width and height in pixels.
        width: Of the image.
        height: Of the image.
        corners: The box was stated as two corners, so that swapped ones can be put in order.
        mend: Cut boxes that reach out by more than `SLACK`, and put swapped corners in order.
    """
    if not all(map(math.isfinite, box)):
        return None, NOT_FINITE
    left, top, wide, high = box
    outcome = AS_READ
    if wide < 0 or high < 0:
        if not (corners and mend):
            return None, SWAPPED
        left, top = min(left, left + wide), min(top, top + high)
        wide, high = abs(wide), abs(high)
        outcome = TURNED
    if not (wide and high):
        return None, NO_SIZE
    right, bottom = left + wide, top + high
    if left >= width or top >= height or right <= 0 or bottom <= 0:
        return None, OUTSIDE
    reach = max(-left, -top, right - width, bottom - height)
    if reach > SLACK and not mend:
        return None, REACHES_OUT
    if reach > 0:
        outcome = CUT
        left, top = max(left, 0.0), max(top, 0.0)
        wide, high = min(right, width) - left, min(bottom, height) - top
    if wide < _LEAST_SIDE or high < _LEAST_SIDE:
        return None, TINY
    return (left, top, wide, high), outcome


def areas_of(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the areas (m,) of boxes (m, 4); NaN where a side is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        areas: NDArray[np.float64] = boxes[:, 2] * boxes[:, 3]
    return areas
