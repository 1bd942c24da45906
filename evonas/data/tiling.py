"""Where the tiles of a large image lie, and where boxes on tiles lie in the whole image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.errors import ConfigurationError
from evonas.numbers import read_number

_MAX_TILES = 100_000  # per image


@dataclass(frozen=True, slots=True)
class Tiling:
    """How images are cut into square tiles.

    Attributes:
        size: Side of a tile, in pixels of the scaled image.
        scale: What an image is scaled to before: an int is its longer side in pixels, a float a
            factor of its size.
        overlap: Pixels of the scaled image that neighbours share, at least.
    """

    size: int
    scale: int | float = 1.0
    overlap: int = 0

    def __post_init__(self) -> None:
        if self.size < 8:
            raise ConfigurationError(f"tiles of {self.size} pixels; at least 8 are required")
        if not 0 <= self.overlap < self.size:
            raise ConfigurationError(
                f"an overlap of {self.overlap} pixels; 0 to {self.size - 1} are allowed"
            )
        if not 0 < self.scale < float("inf"):
            raise ConfigurationError(f"a scale of {self.scale}; it must be above 0")

    def scaled(self, width: int, height: int) -> tuple[int, int]:
        """Returns the scaled width and height of an image."""
        factor = self.scale if isinstance(self.scale, float) else self.scale / max(width, height)
        return max(1, round(width * factor)), max(1, round(height * factor))

    def offsets(self, width: int, height: int) -> NDArray[np.int64]:
        """Returns left and top of each tile of a scaled image, (n, 2), row by row.

        The last tile of a row or column is moved back into the image; an image smaller than a
        tile has one, of which a part lies outside.
        """
        lefts, tops = self._starts(width), self._starts(height)
        if len(lefts) * len(tops) > _MAX_TILES:
            raise ConfigurationError(
                f"an image of {width}x{height} pixels has {len(lefts) * len(tops):,} tiles of "
                f"{self.size} pixels; at most {_MAX_TILES:,} are allowed"
            )
        grid = np.array([(left, top) for top in tops for left in lefts], np.int64)
        return grid.reshape(-1, 2)

    def _starts(self, side: int) -> list[int]:
        last = max(0, side - self.size)
        return [*range(0, last, self.size - self.overlap), last]


def parse_scale(text: str) -> int | float:
    """Returns what `--scale` means: `320` pixels of the longer side, `0.5` of the size.

    >>> parse_scale("320"), parse_scale("0.5"), parse_scale("2.0")
    (320, 0.5, 2.0)

    Raises:
        ConfigurationError: It is no positive number.
    """
    value = read_number(text) or 0
    if not 0 < value < float("inf"):
        raise ConfigurationError(
            f"--scale {text}: expected the longer side in pixels (320) or a factor with a point "
            "(0.5)"
        )
    return int(value) if text.isdigit() else value


def visible_parts(
    boxes: NDArray[np.float64], offset: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns boxes as a tile shows them, and which share of each it shows.

    Args:
        boxes: (m, 4) left, top, width and height in pixels of the scaled image.
        offset: (2,) left and top of the tile.
        size: Its side.

    Returns:
        Boxes (m, 4) in pixels of the tile, and shares (m,) of their areas.
    """
    low = np.clip(boxes[:, :2] - offset, 0, size)
    high = np.clip(boxes[:, :2] + boxes[:, 2:] - offset, 0, size)
    sides = high - low
    share = sides.prod(1) / np.maximum(boxes[:, 2:].prod(1), 1e-9)
    return np.concatenate([low, sides], 1), share


def to_whole(
    boxes: NDArray[np.float64], offset: tuple[float, float], scale: tuple[float, float]
) -> NDArray[np.float64]:
    """Returns boxes on a tile as boxes on the whole image.

    Args:
        boxes: (m, 4) x1, y1, x2, y2 in pixels of the tile.
        offset: Left and top of the tile in the scaled image.
        scale: Scaled pixels per pixel of the whole image, for x and y.

    Returns:
        (m, 4) x1, y1, x2, y2 in pixels of the whole image.
    """
    moved: NDArray[np.float64] = (boxes + np.tile(offset, 2)) / np.tile(scale, 2)
    return moved
