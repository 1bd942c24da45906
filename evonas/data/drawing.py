"""Objects of an image and how they are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

# Okabe and Ito's colours: safe for colour-blind readers; classes take them in turn.
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")

_SIDE = 480  # pixels to which small images are enlarged


@dataclass(frozen=True, slots=True)
class Found:
    """One object; the box is x1, y1, x2, y2 in pixels. The score of a true one is 1."""

    name: str
    label: int
    score: float
    box: tuple[float, float, float, float]


def draw(image: "Image", objects: Sequence[Found], scores: bool = True) -> "Image":
    """Returns a copy of an image with boxes, names and scores; small images are enlarged.

    Args:
        image: The image.
        objects: What to draw, the first on top.
        scores: Write the scores.
    """
    from PIL import Image, ImageDraw, ImageFont

    zoom = max(1, round(_SIDE / max(image.size)))
    canvas = image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(canvas)
    # Pictures are shown small, several side by side: thinner lines would be hairlines there.
    width = max(3, max(canvas.size) // 96)
    font: Any = ImageFont.load_default(size=max(14, max(canvas.size) // 28))
    for entry in reversed(objects):
        colour = COLOURS[entry.label % len(COLOURS)]
        x1, y1, x2, y2 = (value * zoom for value in entry.box)
        edge = (x1 - 1, y1 - 1, x2 + 1, y2 + 1)
        pen.rectangle(edge, outline="black", width=width + 2)  # seen on any background
        pen.rectangle((x1, y1, x2, y2), outline=colour, width=width)
        text = f"{entry.name} {entry.score:.2f}" if scores else entry.name
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        y = y1 - (bottom - top) - 4 if y1 > bottom - top + 4 else y1
        x = min(max(x1, 0), canvas.width - (right - left) - 4)
        pen.rectangle((x, y, x + right - left + 4, y + bottom - top + 4), fill=colour)
        pen.text((x + 2 - left, y + 2 - top), text, fill="black", font=font)
    return canvas
