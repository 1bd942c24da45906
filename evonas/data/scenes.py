"""One digits scene: a cluttered background, distractors, and one to five digits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.data.clutter import Canvas, blend, draw_distractor, paint_background
from evonas.data.glyphs import N_CLASSES, Bytes, Pose, ink_bounds, is_ink, lay, load_glyphs

_SPLITS = ("train", "val")
_MAX_DIGITS = 5
_MAX_DISTRACTORS = 2
# Heights in pixels of a 64-pixel scene, [low, high), each range as likely: more small than large.
_HEIGHT_RANGES = ((12, 16), (14, 20), (17, 25), (22, 31), (28, 43))
_PLACE_ATTEMPTS = 30
_COLOUR_ATTEMPTS = 12
_MAX_OVERLAP = 0.1  # of the smaller box
# Contrasts are sums of the channels' differences, of 765. Under the low one a digit is placed
# elsewhere; which one a colour must reach is drawn between the two.
_LOW_CONTRAST = 180
_HIGH_CONTRAST = 350


@dataclass(frozen=True, slots=True)
class Scene:
    """An image, uint8 (size, size, 3), and its digits: boxes (n, 4) xyxy in pixels, labels (n,)."""

    image: Bytes
    boxes: NDArray[np.int64]
    labels: NDArray[np.int64]


def draw_scene(seed: int, split: str, index: int, size: int = 64) -> Scene:
    """Draws the scene of that number: the same bytes in any order, process or machine.

    Boxes are tight on the ink that is visible; digits overlap by a tenth of the smaller at most.
    """
    rng = np.random.Generator(np.random.PCG64([seed, _SPLITS.index(split), index]))
    canvas = paint_background(size, rng)
    taken: list[tuple[int, int, int, int]] = []
    for _ in range(rng.integers(0, _MAX_DISTRACTORS + 1)):
        mask = draw_distractor(split, _height(size, rng), rng)
        _place(canvas, mask, taken, rng)

    owner = np.full((size, size), -1)
    labels: list[int] = []
    heights = [_height(size, rng) for _ in range(rng.integers(1, _MAX_DIGITS + 1))]
    for height in sorted(heights, reverse=True):  # the large ones first, while there is room
        label = int(rng.integers(N_CLASSES))
        mask = _draw_digit(split, label, height, rng)
        # The first digit may cover distractors: no scene is left empty.
        box = _place(canvas, mask, taken if labels else [], rng)
        if box is None:
            continue
        top, left, bottom, right = box
        taken.append(box)
        owner[top:bottom, left:right][is_ink(mask)] = len(labels)
        labels.append(label)
    boxes = [ink_bounds(owner == digit) for digit in range(len(labels))]
    noise = rng.integers(-5, 6, canvas.shape)
    return Scene(
        (canvas + noise).clip(0, 255).astype(np.uint8),
        np.array([(left, top, right, bottom) for top, left, bottom, right in boxes]),
        np.array(labels),
    )


def _height(size: int, rng: np.random.Generator) -> int:
    low, high = _HEIGHT_RANGES[int(rng.integers(len(_HEIGHT_RANGES)))]
    return int(rng.integers(low, high)) * size // 64


def _draw_digit(split: str, label: int, height: int, rng: np.random.Generator) -> Bytes:
    """Returns a digit's opacity mask at a random aspect, slight rotation and thickness."""
    glyphs = load_glyphs(split)[label]
    glyph = glyphs[int(rng.integers(len(glyphs)))]
    aspect = int(rng.integers(75, 135))  # per cent of the handwritten one
    width = max(3, height * glyph.shape[1] * aspect // (glyph.shape[0] * 100))
    pose = Pose(height, width, int(rng.integers(-14, 15)), int(rng.integers(50, 100)))
    return lay(glyph, pose)


def _place(
    canvas: Canvas, mask: Bytes, taken: list[tuple[int, int, int, int]], rng: np.random.Generator
) -> tuple[int, int, int, int] | None:
    """Paints a mask where it is free and stands out; returns its box, or None if none was free."""
    height, width = mask.shape
    found: tuple[int, Canvas, tuple[int, int, int, int]] | None = None
    for _ in range(_PLACE_ATTEMPTS):
        top = int(rng.integers(0, canvas.shape[0] - height + 1))
        left = int(rng.integers(0, canvas.shape[1] - width + 1))
        box = (top, left, top + height, left + width)
        if any(_overlap(box, other) > _MAX_OVERLAP for other in taken):
            continue
        colour, contrast = _pick_colour(canvas[top : top + height, left : left + width], rng)
        if found is None or contrast > found[0]:
            found = contrast, colour, box
        if contrast >= _LOW_CONTRAST:
            break
    if found is None:
        return None
    _, colour, box = found
    blend(canvas[box[0] : box[2], box[1] : box[3]], mask, colour)
    return box


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    """Returns the intersection of two boxes as a share of the smaller one."""
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return max(0, height) * max(0, width) / smaller


def _pick_colour(patch: Canvas, rng: np.random.Generator) -> tuple[Canvas, int]:
    """Returns a random colour that stands out from a patch, and its contrast.

    The contrast is the difference (summed over channels, of 765) that nine tenths of the patch's
    pixels exceed. The first colour that is legible is taken, not the best, so that contrast varies.
    """
    wanted = int(rng.integers(_LOW_CONTRAST, _HIGH_CONTRAST))
    candidates = rng.integers(0, 256, (_COLOUR_ATTEMPTS, 3))
    candidates[-2:] = (0,), (255,)
    pixels = patch[::2, ::2].reshape(1, -1, 3)  # every other one: as good, and faster
    difference = np.abs(pixels - candidates[:, None]).sum(2)
    tenth = difference.shape[1] // 10
    contrast = np.partition(difference, tenth, axis=1)[:, tenth]
    legible = np.flatnonzero(contrast >= wanted)
    best = int(legible[0]) if len(legible) else int(contrast.argmax())
    return candidates[best], int(contrast[best])
