"""A picture of a split: some of its images with their boxes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from evonas.data.coco import CocoDataset
from evonas.data.drawing import COLOURS
from evonas.data.images import read_image
from evonas.errors import DataError, MissingPackageError

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:
    raise MissingPackageError("pillow", "train") from error

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_TILE = 240  # pixels
_TITLE = 32


def picture_grid(dataset: CocoDataset, columns: int = 6, rows: int = 4) -> "Picture":
    """Returns images spread evenly over a split, with their boxes and class names.

    Raises:
        DataError: One of them cannot be decoded.
    """
    count = min(columns * rows, len(dataset))
    chosen = np.linspace(0, len(dataset) - 1, count).astype(int).tolist()
    rows = -(-count // columns)
    grid = Image.new("RGB", (min(columns, count) * _TILE, rows * _TILE), "#404040")
    for place, index in enumerate(chosen):
        grid.paste(_tile(dataset, index), (place % columns * _TILE, place // columns * _TILE))
    return grid


def splits_grid(datasets: Mapping[str, CocoDataset]) -> "Picture":
    """Returns one picture with images of each split below its name.

    Raises:
        DataError: One of them cannot be decoded.
    """
    parts = {split: picture_grid(dataset) for split, dataset in datasets.items() if len(dataset)}
    if not parts:
        raise DataError("no images to show")
    width = max(part.width for part in parts.values())
    whole = Image.new("RGB", (width, sum(p.height + _TITLE for p in parts.values())), "#202020")
    pen, top = ImageDraw.Draw(whole), 0
    for split, part in parts.items():
        pen.text((6, top + 5), split, fill="white", font=ImageFont.load_default(size=18))
        whole.paste(part, (0, top + _TITLE))
        top += part.height + _TITLE
    return whole


def _tile(dataset: CocoDataset, index: int) -> "Picture":
    width, height = dataset.sizes[index].tolist()
    image = read_image(dataset.path_of(index), int(dataset.image_ids[index]), (width, height))
    scale = (_TILE - 4) / max(width, height)
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    tile = image.resize(small, reducing_gap=2.0)  # large images would take seconds
    pen = ImageDraw.Draw(tile)
    font = ImageFont.load_default(size=13)
    first, last = np.searchsorted(dataset.image_index, [index, index + 1])
    for left, top, wide, high, label, crowd in zip(
        *(dataset.boxes[first:last] * scale).T,
        dataset.labels[first:last].tolist(),
        dataset.is_crowd[first:last].tolist(),
        strict=True,
    ):
        colour = COLOURS[label % len(COLOURS)]
        pen.rectangle((left, top, left + wide, top + high), outline=colour, width=1 if crowd else 2)
        name = dataset.class_names[label] + (" (crowd)" if crowd else "")
        pen.text((left + 3, max(top - 15, 0)), name, fill=colour, font=font)
    return tile
