"""Objects in image files and large images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from evonas.data.drawing import Found
from evonas.data.images import open_image, resized_pixels
from evonas.detector import Detections
from evonas.detector.archive import Archive
from evonas.detector.tiles import TileDetections, merge_tiles, tile_windows

if TYPE_CHECKING:
    from PIL.Image import Image

    from evonas.export.runtime import ImageDetector


def detect_in_file(archive: Archive, path: Path, threshold: float) -> tuple["Image", list[Found]]:
    """Finds objects in an image file of any size and mode.

    Args:
        archive: The detector.
        path: An image; one with an EXIF rotation is turned upright first, as viewers do, and its
            boxes are in pixels of the upright image.
        threshold: Lowest score to report.

    Returns:
        The upright image and the objects, best first.

    Raises:
        DataError: The file cannot be decoded.
    """
    image = open_image(path)
    return image, detect_in_image(archive, image, threshold)


def detect_in_image(archive: Archive, image: "Image", threshold: float) -> list[Found]:
    """Finds objects in an RGB image of any size; boxes are in its own pixels, best first."""
    pixels = torch.from_numpy(
        resized_pixels(image, archive.image_size, archive.card.resizing).copy()
    )
    found = archive.detect(pixels[None])
    return found_objects(found, archive.card.classes, image.size, archive.image_size, threshold)


def found_objects(
    found: Detections,
    classes: Sequence[str],
    size: tuple[int, int],
    image_size: int,
    threshold: float,
) -> list[Found]:
    """Returns the detections of one image by name.

    Args:
        found: Of a batch of one, boxes in pixels of the network's square.
        classes: Their names.
        size: Width and height of the image.
        image_size: Side of the square.
        threshold: Lowest score to report.
    """
    boxes, scores, labels = (part[0] for part in found)
    scale = torch.tensor([*size, *size]) / image_size
    objects = []
    for box, score, label in zip(boxes * scale, scores, labels, strict=True):
        if label >= 0 and score >= threshold:
            x1, y1, x2, y2 = box.tolist()
            objects.append(Found(classes[int(label)], int(label), float(score), (x1, y1, x2, y2)))
    return objects


def detect_on_tiles(
    detector: "ImageDetector", image: "Image", threshold: float, side: int, overlap: float
) -> list[Found]:
    """Finds objects in a large image tile by tile; see `evonas.detector.tiles`.

    Args:
        detector: Sees each tile as an image of its own.
        image: RGB, of any size.
        threshold: Lowest score to report.
        side: Of a tile, in pixels of the image.
        overlap: Share of a side that neighbours have in common; objects that are smaller than
            that are seen whole on some tile.

    Raises:
        ConfigurationError: No such side or overlap.
    """
    windows = tile_windows(*image.size, side, overlap, detector.image_size)
    objects = [
        (tile, entry)
        for tile, window in enumerate(windows.tolist())
        for entry in detector.detect(image.crop(tuple(window)), threshold)
    ]
    names = {entry.label: entry.name for _, entry in objects}
    tiles = np.array([tile for tile, _ in objects], np.intp)
    boxes = np.array([entry.box for _, entry in objects], np.float64).reshape(-1, 4)
    found = TileDetections(
        boxes + np.tile(windows[tiles, :2], 2),
        np.array([entry.score for _, entry in objects], np.float64),
        np.array([entry.label for _, entry in objects], np.intp),
        tiles,
    )
    merged = merge_tiles(found, windows, image.size)
    return [
        Found(names[label], label, score, (box[0], box[1], box[2], box[3]))
        for box, score, label in zip(
            merged.boxes.tolist(), merged.scores.tolist(), merged.labels.tolist(), strict=True
        )
    ]
