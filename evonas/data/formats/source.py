"""What every reader of another format yields: images with their boxes as the files state them."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

IMAGE_SUFFIXES = frozenset(
    ".png .jpg .jpeg .jpe .jfif .jp2 .bmp .gif .tif .tiff .webp .ppm .pgm".split()
)
# Photographs in formats that are not read; they are named rather than passed over in silence.
UNREAD_SUFFIXES = frozenset(".heic .heif .avif .jxl .dng .cr2 .cr3 .nef .arw .orf .rw2".split())


class RawBox(NamedTuple):
    """A box as a file states it: nothing is checked yet.

    The numbers are left, top, width and height, in pixels or as shares of the image. A box that
    is `ignored` (difficult, crowd) is neither trained on nor counted by evaluation.
    """

    name: str
    left: float
    top: float
    width: float
    height: float
    ignored: bool = False
    area: float | None = None  # pixels, of the object's outline where a file states it


@dataclass(frozen=True, slots=True)
class RawImage:
    """An image and what is said of it.

    Attributes:
        path: The file.
        boxes: Its boxes.
        split: The split that the source puts it in; empty where the source has none.
        size: Width and height that the annotations are made for, where they state it.
        labelled: Whether there are annotations of it at all, be they empty.
    """

    path: Path
    boxes: tuple[RawBox, ...] = ()
    split: str = ""
    size: tuple[int, int] | None = None
    labelled: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """A data set in another format.

    Attributes:
        format: What it is, for people.
        folder: Where it lies.
        classes: All its classes, in order.
        images: All its images, in order.
        shares: Boxes are shares of the image, not pixels.
        corners: The format states corners, so that swapped ones can be turned round.
        unlabelled: What an image without annotations is in this format: one without objects
            ("background"), one to leave out ("skip"), or a mistake ("refuse").
        notes: What a person should know: files left aside, and why.
    """

    format: str
    folder: Path
    classes: tuple[str, ...]
    images: tuple[RawImage, ...]
    shares: bool = False
    corners: bool = False
    unlabelled: str = "refuse"
    notes: tuple[str, ...] = ()


def is_unread_photograph(path: Path) -> bool:
    """Returns whether a file's name is one of a photograph in a format that is not read."""
    return path.suffix.lower() in UNREAD_SUFFIXES and not path.name.startswith(".")


def is_image(path: Path) -> bool:
    """Returns whether a file's name is one of an image, and not one that a system hides."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
