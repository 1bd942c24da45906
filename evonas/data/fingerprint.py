"""The identity of a data set: what a training stores to say what it was trained on."""

import hashlib
from pathlib import Path

from evonas.errors import DataError

_HEX_DIGITS = 16
_IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


def data_fingerprint(folder: Path | str) -> str:
    """Returns a short SHA-256 over the annotations and images of a COCO-format folder.

    It covers the bytes and the relative names of all JSON and image files, so it is the same
    wherever the folder lies and changes with any pixel or box.

    Raises:
        DataError: The folder holds no annotations.
    """
    folder = Path(folder)
    annotations = sorted(folder.glob("*/*.json"))  # in annotations/, or beside the images
    if not annotations:
        raise DataError(f"{folder}: no */*.json with annotations, so this is no COCO-format folder")
    images = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _IMAGE_SUFFIXES)
    digest = hashlib.sha256()
    for path in [*annotations, *images]:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:_HEX_DIGITS]
