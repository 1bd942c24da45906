"""Finds images and folders by the names that annotation files use for them."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from evonas.data.formats.source import is_image
from evonas.errors import DataError

_MAX_FILES = 1_000_000
_SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


def split_of(name: str) -> str:
    """Returns the split that a folder's or subset's name means; empty if none."""
    return _SPLITS.get(name.lower(), "")


def folder_split(root: Path, file: Path) -> str:
    """Returns the split that the folders between a root and a file mean; empty if none."""
    parts = file.relative_to(root).parts[:-1] if file.is_relative_to(root) else ()
    return next((split for part in parts if (split := split_of(part))), "")


def folded(name: str) -> str:
    """Returns a name without the case of its letters and the ways of writing an accent.

    Archives made on a Mac have `u` and a diaeresis where others have one letter.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def child_folder(folder: Path, *names: str) -> Path | None:
    """Returns the first folder in a folder that has one of the names, in any case."""
    try:
        there = {entry.name.lower(): Path(entry) for entry in os.scandir(folder) if entry.is_dir()}
    except OSError:
        return None
    return next((there[name.lower()] for name in names if name.lower() in there), None)


def walk(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder in order, through linked folders too but in no circle."""
    seen: set[str] = set()
    count = 0
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            count += 1
            if count > _MAX_FILES:
                raise DataError(f"{folder}: more than {_MAX_FILES:,} files below it")
            yield Path(place, name)


def without_suffix(path: str) -> str:
    """Returns a relative path without the suffix of its name."""
    pure = PurePosixPath(path)
    return str(pure.with_suffix("")) if pure.name else path


class ImageIndex:
    """The images below a folder, to be found by what annotations call them."""

    def __init__(self, root: Path, files: Iterable[Path]) -> None:
        self.root = root
        self.images = [path for path in files if is_image(path)]
        self._by: dict[str, list[Path]] = {}
        for path in self.images:
            relative = path.relative_to(root).as_posix()
            # Whole relative path, name, and both without suffix; in any case of the letters last.
            for key in {relative, path.name, without_suffix(relative), path.stem}:
                self._by.setdefault(key, []).append(path)
        self._folded: dict[str, list[Path]] = {}
        for key, paths in self._by.items():
            self._folded.setdefault(folded(key), []).extend(paths)

    def find(self, name: str) -> list[Path]:
        """Returns the images that a name fits best: all of one kind of fit, the closest first.

        A name may have folders before it, of this machine or another, and either separator.
        """
        name = name.strip().replace("\\", "/")
        while name.startswith("./"):
            name = name[2:]
        parts = name.split("/")
        tails = ["/".join(parts[first:]) for first in range(len(parts)) if parts[first]]
        for places, fold in ((self._by, str), (self._folded, folded)):
            for tail in tails:
                found = places.get(fold(tail))
                if found:
                    return sorted(set(found))
        return []
