"""Backgrounds and distractors of the digits scenes, in integer arithmetic."""

import numpy as np
from numpy.typing import NDArray

from evonas.data.glyphs import Bytes, Pose, lay, load_glyphs

Canvas = NDArray[np.int64]

# Turned by a quarter, these look like no digit; 0, 1 and 8 would, and the others now and then.
_NO_DIGIT_WHEN_TURNED = (2, 3, 5)


def paint_background(size: int, rng: np.random.Generator) -> Canvas:
    """Returns a cluttered background, (size, size, 3) with values 0..255."""
    canvas = _gradient(size, rng) + _cloud(size, rng)
    for _ in range(rng.integers(1, 7)):
        _paint_rectangle(canvas, rng)
    for _ in range(rng.integers(0, 7)):
        _paint_line(canvas, rng)
    amplitude = int(rng.integers(2, 22))
    canvas += rng.integers(-amplitude, amplitude + 1, (size, size, 1))
    canvas += rng.integers(-amplitude // 2, amplitude // 2 + 1, canvas.shape)
    return canvas.clip(0, 255)


def draw_distractor(split: str, scale: int, rng: np.random.Generator) -> Bytes:
    """Returns the opacity mask of something made like a digit that is none.

    One of: a fragment of a digit, a digit turned by a quarter, a few blurred strokes.

    Args:
        split: Whose digits to use.
        scale: The height in pixels.
        rng: The scene's generator.
    """
    kind = rng.integers(3)
    if kind == 0:
        mask = np.rot90(_fragment(split, rng))
    elif kind == 1:
        mask = np.rot90(_pick(split, rng))
    else:
        mask = _strokes(rng)
    # Per cent of its own. Turned digits are wide; made narrow, some would look upright again.
    aspect = int(rng.integers(100, 150))
    longest = max(mask.shape)
    height = max(4, scale * mask.shape[0] // longest)
    width = max(4, scale * mask.shape[1] * aspect // (longest * 100))
    pose = Pose(height, width, int(rng.integers(-20, 21)), int(rng.integers(50, 100)))
    return lay(mask, pose)


def blend(canvas: Canvas, opacity: NDArray[np.integer], colour: Canvas) -> None:
    """Paints a colour (3,) onto a part of a canvas, (h, w, 3), with opacity (h, w) of 0..255."""
    canvas += ((colour - canvas) * opacity[..., None].astype(np.int64) + 127) // 255


def _gradient(size: int, rng: np.random.Generator) -> Canvas:
    start = rng.integers(20, 236, 3)
    end = (start + rng.integers(-70, 71, 3)).clip(0, 255)
    slope = rng.integers(-8, 9, 2)
    ramp = slope[0] * np.arange(size)[:, None] + slope[1] * np.arange(size)[None, :]
    ramp = ramp - ramp.min()
    ramp = ramp * 256 // max(1, int(ramp.max()))
    gradient: Canvas = start + (((end - start) * ramp[..., None]) >> 8)
    return gradient


def _cloud(size: int, rng: np.random.Generator) -> Canvas:
    """Low-frequency noise: a coarse random grid, interpolated."""
    cells = int(rng.integers(3, 14))
    amplitude = int(rng.integers(5, 40))
    grid = rng.integers(-amplitude, amplitude + 1, (cells + 1, cells + 1, 3))
    position = np.arange(size) * cells * 256 // size
    index, fraction = position >> 8, position & 255
    rows = grid[index] * (256 - fraction)[:, None, None] + grid[index + 1] * fraction[:, None, None]
    cloud: Canvas = (
        rows[:, index] * (256 - fraction)[:, None] + rows[:, index + 1] * fraction[:, None]
    ) >> 16
    return cloud


def _near_colour(canvas: Canvas, rng: np.random.Generator) -> Canvas:
    """A colour not too far from one that the canvas has, so that digits can stand out."""
    pixel = canvas[tuple(rng.integers(0, len(canvas), 2))]
    colour: Canvas = (pixel + rng.integers(-80, 81) + rng.integers(-40, 41, 3)).clip(0, 255)
    return colour


def _window(size: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """A random part of the canvas, seldom so narrow that it looks like a 1."""
    top, left = rng.integers(-size // 8, size * 7 // 8, 2).clip(0)
    height, width = rng.integers(size // 6, size * 2 // 3, 2)
    return slice(top, top + height), slice(left, left + width)


def _paint_rectangle(canvas: Canvas, rng: np.random.Generator) -> None:
    part = canvas[_window(len(canvas), rng)]
    blend(part, np.full(part.shape[:2], rng.integers(60, 256)), _near_colour(canvas, rng))


def _paint_line(canvas: Canvas, rng: np.random.Generator) -> None:
    """A line of 1 or 2 pixels at any angle, cut off by a window."""
    part = canvas[_window(len(canvas), rng)]
    normal = rng.integers(-16, 17, 2)
    y = np.arange(part.shape[0])[:, None] - rng.integers(0, part.shape[0])
    x = np.arange(part.shape[1])[None, :] - rng.integers(0, part.shape[1])
    distance = np.abs(normal[0] * y + normal[1] * x)
    is_line = 2 * distance <= rng.integers(1, 3) * max(1, int(np.abs(normal).max()))
    blend(part, is_line * rng.integers(80, 256), _near_colour(canvas, rng))


def _pick(split: str, rng: np.random.Generator) -> Bytes:
    label = _NO_DIGIT_WHEN_TURNED[int(rng.integers(len(_NO_DIGIT_WHEN_TURNED)))]
    glyphs = load_glyphs(split)[label]
    return glyphs[int(rng.integers(len(glyphs)))]


def _fragment(split: str, rng: np.random.Generator) -> Bytes:
    """Half of a digit, or two halves that do not belong together."""
    first, second = _pick(split, rng), _pick(split, rng)
    height = min(len(first), len(second)) // 2
    width = min(first.shape[1], second.shape[1])
    upper, lower = first[:height, :width], second[-height:, :width][:, ::-1]
    halves = (upper, lower, np.concatenate([lower, upper]))
    return halves[int(rng.integers(3))]


def _strokes(rng: np.random.Generator) -> Bytes:
    """Two to four short bars on a coarse grid, with soft edges."""
    side = 48
    y, x = np.arange(side)[:, None], np.arange(side)[None, :]
    mask = np.zeros((side, side), np.int64)
    for _ in range(rng.integers(2, 5)):
        centre = rng.integers(8, side - 8, 2)
        slope = int(rng.integers(-8, 9))  # of 8ths; never upright, for that would be a 1
        across = np.abs(8 * (y - centre[0]) + slope * (x - centre[1]))
        along = np.abs(slope * (y - centre[0]) - 8 * (x - centre[1]))
        bar = (255 - 5 * across).clip(0, 255)
        mask = np.maximum(mask, np.where(along <= 8 * rng.integers(6, 20), bar, 0))
    return mask.astype(np.uint8)
