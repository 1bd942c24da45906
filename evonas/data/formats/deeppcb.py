"""Reads DeepPCB's text files: `trainval.txt`, `test.txt` and a text file of corners per image."""

from pathlib import Path

from evonas.data.formats.source import RawBox, RawImage, Source
from evonas.errors import DataError
from evonas.limits import printable, read_text
from evonas.numbers import parse_number

CLASSES = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
_LISTS = ("trainval", "test")


def is_deeppcb(folder: Path) -> bool:
    """Returns whether a list in the folder names image and text file on each line."""
    for name in _LISTS:
        file = folder / f"{name}.txt"
        if file.is_file():
            words = read_text(file).split(maxsplit=2)
            return len(words) > 1 and words[0].endswith(".jpg") and words[1].endswith(".txt")
    return False


def read_deeppcb(folder: Path) -> Source:
    """Reads a `PCBData` folder; its splits are called trainval and test, as its lists.

    Raises:
        DataError: A list or a text file is missing or wrong.
    """
    images: list[RawImage] = []
    for split in _LISTS:
        listed = folder / f"{split}.txt"
        if listed.is_file():
            images += _listed(folder, listed, split)
    return Source("DeepPCB", folder, CLASSES, tuple(images), corners=True)


def _listed(folder: Path, listed: Path, split: str) -> list[RawImage]:
    images = []
    for number, line in enumerate(read_text(listed).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2:
            raise DataError(
                f"{listed}: line {number} must name an image and a text file: {printable(line)!r}"
            )
        image = folder / words[0]
        # The list names X.jpg; the defective board is X_test.jpg, its flawless twin X_temp.jpg.
        image = image.parent / f"{image.stem}_test{image.suffix}"
        images.append(RawImage(image, _boxes(folder / words[1]), split))
    return images


def _boxes(file: Path) -> tuple[RawBox, ...]:
    boxes = []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip():
            continue
        try:
            left, top, right, bottom, kind = map(parse_number, line.replace(",", " ").split())
            name = CLASSES[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0].index(kind)]
        except ValueError as error:
            raise DataError(
                f"{file}: line {number} must be `x1 y1 x2 y2 class`, classes 1 to {len(CLASSES)}; "
                f"got {printable(line)!r}"
            ) from error
        boxes.append(RawBox(name, left, top, right - left, bottom - top))
    return tuple(boxes)
