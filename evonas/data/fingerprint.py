"""The identity of a data set: what a training stores to say what it was trained on."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from evonas.data.coco_file import is_coco, locate_splits
from evonas.data.contents import file_digest
from evonas.errors import DataError
from evonas.limits import parse_json, read_limited

_HEX_DIGITS = 16
_IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


def data_fingerprint(folder: Path | str) -> str:
    """Returns a short SHA-256 over the annotations and images of a COCO-format folder.

    It covers the bytes and the relative names of all JSON and image files, and of whatever else
    the annotations name: behind linked folders, of any suffix, outside the folder. So it is the
    same wherever the folder lies and changes with any pixel or box.

    Raises:
        DataError: The folder holds no annotations.
    """
    folder = Path(folder)
    annotations = sorted(folder.glob("*/*.json"))  # in annotations/, or beside the images
    if not annotations:
        raise DataError(
            f"{folder}: no */*.json with annotations, so this is not a COCO-format folder"
        )
    images = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _IMAGE_SUFFIXES)
    files = [*annotations, *filter(Path.is_file, images)]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(file_digest(path))
    # What the plain walk does not see comes last, so that plain folders keep the hash of old.
    known = set(files)
    for path in sorted(set(_named(folder)) - known):
        name = path.relative_to(folder) if path.is_relative_to(folder) else path
        digest.update(name.as_posix().encode() + b"\0")
        digest.update(file_digest(path))
    return digest.hexdigest()[:_HEX_DIGITS]


def _named(folder: Path) -> Iterator[Path]:
    """Yields the image files that the annotations of the known splits name."""
    for file, image_folder in locate_splits(folder).values():
        content = parse_json(read_limited(file), str(file))
        if not is_coco(content):
            continue
        for image in content["images"]:
            name = image.get("file_name") if isinstance(image, dict) else None
            if isinstance(name, str) and os.path.isfile(image_folder / name):
                yield image_folder / name
