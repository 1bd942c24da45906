"""Files by what they hold."""

import hashlib
from pathlib import Path

from evonas.errors import DataError


def file_digest(path: Path) -> bytes:
    """Returns the SHA-256 of a file's bytes.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
