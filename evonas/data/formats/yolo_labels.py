"""YOLO's text files of boxes: where they are, and what their rows mean."""

import os
from pathlib import Path

from evonas.data.formats.lookup import folded, walk
from evonas.data.formats.source import RawBox
from evonas.errors import ConfigurationError, DataError
from evonas.limits import printable, read_text
from evonas.numbers import parse_number

_NO_LABELS = {"classes.txt", "obj.names", "train.txt", "val.txt", "test.txt", "readme.txt"}
_SURELY_PIXELS = 2.0  # no share of an image that a box may have, even one that reaches out


class LabelFiles:
    """Finds the text file of an image in the usual layouts.

    They are tried in this order: the folder asked for; each folder named `images` in the image's
    path replaced by `labels`, the innermost first; the file beside the image. Names of folders
    may be in any case.
    """

    def __init__(self, root: Path, asked: Path | None) -> None:
        self.asked_name = ""
        self.asked_root: Path | None = None
        if asked is not None:
            candidates = [asked, root / asked]
            self.asked_root = next((path for path in candidates if path.is_dir()), None)
            self.asked_name = "" if self.asked_root else str(asked)
            if self.asked_name and (os.sep in self.asked_name or asked.is_absolute()):
                raise ConfigurationError(f"--labels {asked}: no such folder")
        self.root = root
        self._used: dict[Path, Path] = {}  # text file -> the first image that it is of
        self._shared: list[tuple[Path, Path]] = []  # images of one text file
        self._texts: dict[Path, dict[str, str]] = {}  # folder -> name as asked for -> name
        self._children: dict[Path, tuple[str, ...]] = {}

    def of(self, image: Path) -> Path | None:
        """Returns the text file of an image, or None if there is none."""
        for folder in self._folders(image):
            names = self._texts_in(folder)
            for stem in (image.stem, image.name):
                name = names.get(f"{stem}.txt") or names.get(folded(f"{stem}.txt"))
                if name:
                    first = self._used.setdefault(folder / name, image)
                    if first != image:
                        self._shared.append((first, image))
                    return folder / name
        return None

    def notes(self) -> list[str]:
        """Says which text files belong to no image, and which to more than one."""
        notes = []
        if self._shared:
            first, second = self._shared[0]
            notes.append(
                f"{len(self._shared)} images share the labels of another, {second.name} those of "
                f"{first.name} the first; is one of them meant?"
            )
        folders = {file.parent for file in self._used}
        others = [
            path
            for folder in sorted(folders)
            for path in walk(folder)
            if path.suffix.lower() == ".txt" and path.parent == folder
        ]
        unused = [p for p in others if p not in self._used and p.name.lower() not in _NO_LABELS]
        if unused:
            what = f"{len(unused)} label files have no image"
            notes.append(f"{what}, {printable(unused[0].name)} the first")
        return notes

    def _folders(self, image: Path) -> list[Path]:
        folder = image.parent
        if self.asked_root is not None:
            inside = folder.relative_to(self.root) if folder.is_relative_to(self.root) else Path()
            tails = [Path(*inside.parts[first:]) for first in range(len(inside.parts) + 1)]
            kept = [p for p in inside.parts if p.lower() != "images"]
            return [self.asked_root / tail for tail in [*tails, Path(*kept)]]
        wanted = self.asked_name or "labels"
        folders = []
        for place in reversed(range(len(folder.parts))):
            if folder.parts[place].lower() == "images":
                parent = Path(*folder.parts[:place])
                rest = folder.parts[place + 1 :]
                folders += [parent / name / Path(*rest) for name in self._named(parent, wanted)]
        return [*folders, folder]

    def _texts_in(self, folder: Path) -> dict[str, str]:
        """Returns a folder's text files by name, and by folded name."""
        if folder not in self._texts:
            names = [name for name in _entries(folder) if name.lower().endswith(".txt")]
            exact = {name: name for name in names}
            self._texts[folder] = {folded(name): name for name in names} | exact
        return self._texts[folder]

    def _named(self, parent: Path, wanted: str) -> tuple[str, ...]:
        """Returns what in a folder has a name, in any case; the exact one first."""
        if parent not in self._children:
            self._children[parent] = tuple(_entries(parent))
        names = [name for name in self._children[parent] if name.lower() == wanted.lower()]
        return tuple(sorted(names, key=lambda name: (name != wanted, name)))


class Rows:
    """Reads rows: a class and a box, or a class and a polygon, whose enclosing box is taken.

    Args:
        names: Class names by number.
        units: "shares" or "pixels".
        keypoints: What follows a box are keypoints.
    """

    def __init__(self, names: dict[int, str], units: str, keypoints: bool = False) -> None:
        if units not in ("shares", "pixels"):
            raise ConfigurationError(f"unknown units {units!r}; allowed: shares, pixels")
        self.names, self.units, self.keypoints = names, units, keypoints
        self.polygons = self.rows = self.in_pixels = 0
        self._first_in_pixels = ""

    def read(self, file: Path) -> tuple[RawBox, ...]:
        """Returns the boxes of one text file.

        Raises:
            DataError: A row is neither, or its class has no name.
        """
        boxes = []
        for number, line in enumerate(read_text(file).splitlines(), 1):
            if not line.strip():
                continue
            try:
                label, *numbers = map(parse_number, line.split())
                if label != int(label):
                    raise ValueError("a class between two numbers")
                name = self.names[int(label)]
                box = self._box(numbers)
            except (ValueError, KeyError, OverflowError) as error:
                raise DataError(
                    f"{file}: line {number} must be a class {self._allowed()} and centre, width "
                    "and height as shares of the image, or a polygon; it is "
                    f"{printable(line, 80)!r}"
                ) from error
            self.rows += 1
            if self.units == "shares" and max(numbers) > _SURELY_PIXELS:
                self.in_pixels += 1
                self._first_in_pixels = (
                    self._first_in_pixels or f"{file}: line {number}, {printable(line, 80)!r}"
                )
            boxes.append(RawBox(name, *box))
        return tuple(boxes)

    def refuse_pixels(self, file: Path) -> None:
        """Refuses labels of which most can be no shares of an image."""
        if self.in_pixels * 2 > self.rows:
            raise DataError(
                f"{file}: {self.in_pixels} of {self.rows} boxes are in pixels "
                f"({self._first_in_pixels}), but YOLO labels are shares of the image; "
                "--units pixels reads them as pixels"
            )

    def notes(self) -> list[str]:
        """Says how many polygons were read."""
        return [f"{self.polygons} polygons are their enclosing boxes"] if self.polygons else []

    def _box(self, numbers: list[float]) -> tuple[float, float, float, float]:
        if len(numbers) == 4 or (self.keypoints and len(numbers) > 4):
            x, y, wide, high = numbers[:4]
            return (x - wide / 2, y - high / 2, wide, high)
        if len(numbers) < 6 or len(numbers) % 2:
            raise ValueError("neither a box nor a polygon")
        self.polygons += 1
        return enclosing(numbers[::2], numbers[1::2])

    def _allowed(self) -> str:
        numbers = list(self.names)
        if numbers == list(range(len(numbers))):
            return f"from 0 to {len(numbers) - 1}"
        return f"of {', '.join(map(str, numbers[:20]))}"


def enclosing(xs: list[float], ys: list[float]) -> tuple[float, float, float, float]:
    """Returns left, top, width and height of the box around points; NaN if one is no number."""
    if any(value != value for value in (*xs, *ys)):
        return (float("nan"),) * 4
    left, top = min(xs), min(ys)
    return left, top, max(xs) - left, max(ys) - top


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
