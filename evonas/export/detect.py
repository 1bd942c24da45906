"""Objects in image files, found by an archive alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from evonas.data.images import open_image, resized_pixels
from evonas.detector.archive import Archive

if TYPE_CHECKING:
    from PIL.Image import Image

# Okabe and Ito's colours, told apart by every kind of colour vision; classes take them in turn.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")


@dataclass(frozen=True, slots=True)
class Found:
    """One object; the box is x1, y1, x2, y2 in pixels of the upright image."""

    name: str
    label: int
    score: float
    box: tuple[float, float, float, float]


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
    pixels = torch.from_numpy(resized_pixels(image, archive.image_size).copy())
    boxes, scores, labels = (part[0] for part in archive.detect(pixels[None]))
    scale = torch.tensor([*image.size, *image.size]) / archive.image_size
    objects = []
    for box, score, label in zip(boxes * scale, scores, labels, strict=True):
        if label >= 0 and score >= threshold:
            x1, y1, x2, y2 = box.tolist()
            name = archive.card.classes[int(label)]
            objects.append(Found(name, int(label), float(score), (x1, y1, x2, y2)))
    return image, objects


def draw(image: "Image", objects: Sequence[Found]) -> "Image":
    """Returns a copy of an image with boxes, names and scores; small images are enlarged."""
    from PIL import Image, ImageDraw, ImageFont

    zoom = max(1, round(480 / max(image.size)))
    canvas = image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(canvas)
    width = max(2, max(canvas.size) // 300)
    font: Any = ImageFont.load_default(size=max(12, max(canvas.size) // 40))
    for entry in reversed(objects):  # the best one on top
        colour = _COLOURS[entry.label % len(_COLOURS)]
        x1, y1, x2, y2 = (value * zoom for value in entry.box)
        pen.rectangle((x1, y1, x2, y2), outline=colour, width=width)
        text = f"{entry.name} {entry.score:.2f}"
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        y = y1 - (bottom - top) - 4 if y1 > bottom - top + 4 else y1
        x = min(max(x1, 0), canvas.width - (right - left) - 4)
        pen.rectangle((x, y, x + right - left + 4, y + bottom - top + 4), fill=colour)
        pen.text((x + 2 - left, y + 2 - top), text, fill="black", font=font)
    return canvas
