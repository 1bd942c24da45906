"""The handwritten digits that scikit-learn ships, as masks that scenes are painted with.

Everything after loading is integer arithmetic (the one resampling by Pillow has a factor of a
power of two, whose weights are exact), so that the same seed gives the same bytes on any machine.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from evonas.errors import MissingPackageError

Bytes = NDArray[np.uint8]

N_CLASSES = 10
_VALIDATION_EVERY = 5  # every fifth digit of a class is for validation only
_UPSCALE = 8  # a power of two: the bicubic weights are then exact in floating point
_SUBSAMPLES = 4  # per axis and output pixel, against jagged edges
_EDGE_GAIN = 2  # soft: the grey inside a small loop is all that tells an 8 from a blob
_INK = 100  # where a mask of 0..255 counts as ink


@dataclass(frozen=True, slots=True)
class Pose:
    """How a glyph is laid onto the pixel grid.

    `slant` is the tangent of the rotation in 64ths; `threshold` (of 255) sets how thick the
    strokes are: the lower, the thicker.
    """

    height: int
    width: int
    slant: int
    threshold: int


@cache
def load_glyphs(split: str) -> tuple[tuple[Bytes, ...], ...]:
    """Returns the glyphs of one split, by class: 8-bit masks cropped to their ink.

    The splits share no handwritten digit, whatever the seed. Left out are digits that their
    nearest neighbours take for another class, and the boldest of each class, whose loops have
    closed: a person could not read them either.

    Args:
        split: "train" or "val".

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    wanted = split == "val"
    return tuple(
        tuple(g for i, g in enumerate(glyphs) if (i % _VALIDATION_EVERY == 0) == wanted)
        for glyphs in _legible_glyphs()
    )


@cache
def _legible_glyphs() -> tuple[list[Bytes], ...]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingPackageError("scikit-learn", "train") from error

    bunch = load_digits()
    images, labels = bunch.images, bunch.target
    readable = _are_readable(images.reshape(len(images), -1), labels)
    by_class = (images[(labels == label) & readable] for label in range(N_CLASSES))
    return tuple(_without_boldest([_enlarge(image) for image in images]) for images in by_class)


def lay(glyph: Bytes, pose: Pose) -> Bytes:
    """Samples a glyph at a pose; returns its opacity, (height, width) cropped to the ink.

    Each pixel is the mean of 4x4 nearest samples after the threshold, in integers throughout.
    """
    margin = 2 * _SUBSAMPLES
    rows = pose.height * _SUBSAMPLES
    columns = pose.width * _SUBSAMPLES
    # Twice the offset from the centre, so that it is an integer for odd and even sizes alike.
    y = 2 * np.arange(-margin, rows + margin)[:, None] + 1 - rows
    x = 2 * np.arange(-margin, columns + margin)[None, :] + 1 - columns
    # One row and column of nothing around the glyph stands for everything outside it.
    framed = np.zeros((glyph.shape[0] + 2, glyph.shape[1] + 2), np.uint8)
    framed[1:-1, 1:-1] = ((np.arange(256) - pose.threshold) * _EDGE_GAIN).clip(0, 255)[glyph]
    down = _positions(64 * y, -pose.slant * x, glyph.shape[0], rows)
    right = _positions(pose.slant * y, 64 * x, glyph.shape[1], columns)
    samples = framed.ravel()[down * framed.shape[1] + right]
    return crop_to_ink(_mean_of_blocks(samples))


def crop_to_ink(mask: Bytes) -> Bytes:
    """Cuts off the rows and columns around a mask that hold no ink; empty if there is none."""
    top, left, bottom, right = ink_bounds(mask >= _INK)
    return mask[top:bottom, left:right]


def ink_bounds(ink: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Returns top, left, bottom, right of the marked pixels; all zero if there are none."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def is_ink(mask: Bytes) -> NDArray[np.bool_]:
    """Marks the pixels of an opacity mask that a person sees as ink."""
    return mask >= _INK


def _positions(
    of_rows: NDArray[np.int64], of_columns: NDArray[np.int64], extent: int, samples: int
) -> NDArray[np.int32]:
    """Returns which of the framed glyph's rows (or columns) each sample falls on.

    Args:
        of_rows: (h, 1) and
        of_columns: (1, w), the parts of the position, in 128ths of a sample from the centre.
        extent: The glyph's height (or width).
        samples: Over how many samples it is laid.
    """
    # In 65536ths of the glyph's pixels, so that the one division is not made per sample.
    parts = [(part * extent * 512 // samples).astype(np.int32) for part in (of_rows, of_columns)]
    position: NDArray[np.int32] = ((parts[0] + parts[1]) >> 16) + np.int32(extent // 2 + 1)
    return position.clip(0, extent + 1)


def _mean_of_blocks(samples: Bytes) -> Bytes:
    """Averages 4x4 blocks: (4h, 4w) to (h, w)."""
    columns = samples.reshape(-1, _SUBSAMPLES, samples.shape[1]).sum(1, dtype=np.int32)
    blocks = columns.reshape(len(columns), -1, _SUBSAMPLES).sum(2)
    mean: Bytes = (blocks // _SUBSAMPLES**2).astype(np.uint8)
    return mean


def _enlarge(image: NDArray[np.float64]) -> Bytes:
    """Turns an 8x8 digit of values 0..16 into a smooth mask cropped to its ink."""
    from PIL import Image

    padded = np.pad(image.astype(np.int64), 2)  # room for strokes that touch the edge
    around = sum(np.roll(padded, step, axis) for step in (-1, 1) for axis in (0, 1))
    # Sharpened by half the Laplacian, which opens the loops that 8x8 pixels nearly close.
    padded = ((8 * padded + 4 * padded - around) * 15 // 8).clip(0, 255).astype(np.uint8)
    side = padded.shape[0] * _UPSCALE
    smooth = Image.fromarray(padded).resize((side, side), Image.Resampling.BICUBIC)
    return crop_to_ink(np.asarray(smooth))


def _without_boldest(glyphs: list[Bytes]) -> list[Bytes]:
    """Leaves out the tenth with most ink for its height; the order stays."""
    boldness = [int(is_ink(glyph).sum()) * 1000 // len(glyph) ** 2 for glyph in glyphs]
    limit = sorted(boldness)[len(glyphs) * 9 // 10]
    return [glyph for glyph, bold in zip(glyphs, boldness, strict=True) if bold < limit]


def _are_readable(pixels: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Marks the digits that at least 4 of their 5 nearest neighbours agree with."""
    # Small integers held as floats: these sums are exact in any order.
    squares = (pixels**2).sum(1)
    distances = squares[:, None] + squares[None, :] - 2 * pixels @ pixels.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :5]
    agreeing: NDArray[np.bool_] = (labels[nearest] == labels[:, None]).sum(1) >= 4
    return agreeing
