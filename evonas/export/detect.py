"""Objects in image files, found by an archive alone."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from evonas.data.drawing import Found
from evonas.data.images import open_image, resized_pixels
from evonas.detector.archive import Archive

if TYPE_CHECKING:
    from PIL.Image import Image


def detect_in_file(archive: Archive, path: Path, threshold: float) -> tuple["Image", list[Found]]:
    """Finds objects in an image file of any size and mode.

    Args:
        archive: The detector.
        path: An image; one with an EXIF rotation is turned upright first, as viewers do, and its
            boxes are in pixels of the upright image.
        threshold: Least score.

    Returns:
        The upright image and the objects, best first.

    Raises:
        DataError: The file cannot be decoded.
    """
    image = open_image(path)
    pixels = torch.from_numpy(
        resized_pixels(image, archive.image_size, archive.card.resizing).copy()
    )
    boxes, scores, labels = (part[0] for part in archive.detect(pixels[None]))
    scale = torch.tensor([*image.size, *image.size]) / archive.image_size
    objects = []
    for box, score, label in zip(boxes * scale, scores, labels, strict=True):
        if label >= 0 and score >= threshold:
            x1, y1, x2, y2 = box.tolist()
            name = archive.card.classes[int(label)]
            objects.append(Found(name, int(label), float(score), (x1, y1, x2, y2)))
    return image, objects
