"""Which image files are meant, and under which names their results are written."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from evonas.data.formats.source import IMAGE_SUFFIXES, is_image, is_unread_photograph
from evonas.errors import DataError


def find_images(
    given: Sequence[str], is_ours: Callable[[Path], bool] = lambda _: False
) -> list[Path]:
    """Returns the files that are meant, each once, in the order given and then by name.

    Args:
        given: Files; folders, for the images in them and in their sub-folders; and patterns such
            as `photos/**/*.jpg`. A file that exists is that file, whatever its name looks like.
            Photographs in a format that is not read are among a folder's, to be reported.
        is_ours: Whether a file is an output of an earlier call; a folder's are passed over.

    Raises:
        DataError: Something stands for no file; the message lists all of it.
    """
    found: dict[Path, None] = {}
    missing = []
    for entry in given:
        files = _files(entry, is_ours)
        if not files:
            missing.append(_what_is_missing(entry))
        found.update(dict.fromkeys(files))
    if missing:
        raise DataError("; ".join(missing))
    seen: dict[str, Path] = {}
    for path in found:  # one file by two ways is one file
        seen.setdefault(os.path.realpath(path), path)
    return list(seen.values())


def _files(entry: str, is_ours: Callable[[Path], bool]) -> list[Path]:
    path = Path(entry)
    if path.is_dir():
        named = (p for p in path.rglob("*") if is_image(p) or is_unread_photograph(p))
        return sorted(file for file in named if file.is_file() and not is_ours(file))
    if os.path.lexists(path) or not glob.has_magic(entry):
        # A file that is not there is found missing when it is read, beside those that are.
        return [path]
    found = sorted(Path(file) for file in glob.glob(entry, recursive=True) if os.path.isfile(file))
    return [file for file in found if not is_ours(file)]


def _what_is_missing(entry: str) -> str:
    if Path(entry).is_dir():
        return f"{entry}: no image in this folder; looked for {', '.join(sorted(IMAGE_SUFFIXES))}"
    return f"{entry}: no file fits this pattern"


def output_paths(
    images: Sequence[Path], folder: Path, is_ours: Callable[[Path], bool]
) -> list[Path]:
    """Returns a PNG file for each image: no two are one, none is an input or another's file.

    An image's file is `STEM.png` where no other image has that stem. Images of the same stem keep
    the folders in which they differ, and their whole name where that does not tell them apart.

    Args:
        images: The inputs, all different.
        folder: Where the outputs go.
        is_ours: Whether a file that is there already is an output of an earlier call, which may be
            written over.
    """
    inputs = {os.path.realpath(path) for path in images}
    taken: set[str] = set()
    paths = []
    for name in _names(images):
        number = 1
        while True:
            path = folder / (name if number == 1 else _numbered(name, number))
            key = _key(path)
            free = key not in taken and os.path.realpath(path) not in inputs
            if free and (not os.path.lexists(path) or is_ours(path)):
                break
            number += 1
        taken.add(key)
        paths.append(path)
    return paths


def _names(images: Sequence[Path]) -> list[str]:
    """Returns names that differ beyond upper and lower case, which some file systems ignore."""
    short = [f"{path.stem}.png" for path in images]
    stems = Counter(name.casefold() for name in short)
    if max(stems.values(), default=0) < 2:
        return short
    parents = [os.path.abspath(path.parent) for path in images]
    base = os.path.commonpath(parents)
    longer = [
        os.path.join(os.path.relpath(parent, base), name)
        for parent, name in zip(parents, short, strict=True)
    ]
    relative = Counter(name.casefold() for name in longer)
    return [
        name
        if stems[name.casefold()] == 1
        else os.path.normpath(long)
        if relative[long.casefold()] == 1
        else os.path.normpath(os.path.join(os.path.dirname(long), f"{path.name}.png"))
        for path, name, long in zip(images, short, longer, strict=True)
    ]


def _key(path: Path) -> str:
    return os.path.realpath(path).casefold()


def _numbered(name: str, number: int) -> str:
    """`x.png` becomes `x-detections.png`, then `x-detections-3.png`."""
    stem = name.removesuffix(".png")
    return f"{stem}-detections.png" if number == 2 else f"{stem}-detections-{number}.png"
