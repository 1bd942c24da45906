"""Whether a benchmark table will take a result; torch-free."""

import tempfile
from pathlib import Path

from evonas.errors import DataError
from evonas.table import open_or_create


def check_writable(path: Path) -> None:
    """Finds out whether a table can be read, or made, and written; leaves nothing behind.

    Raises:
        ConfigurationError: It would hide a shipped table.
        DataError: It cannot be written.
        SchemaError: What is there is no table, damaged, or of a newer schema.
    """
    open_or_create(path)
    if path.is_file():
        raise DataError(
            f"{path}: a single-file table is not appended to; merge it into a folder first: "
            "evonas table merge"
        )
    there = next(place for place in (path, *path.parents) if place.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".evonas-", dir=there):
            pass
    except OSError as error:
        verb = "written" if path.exists() else "made"
        raise DataError(f"{path}: cannot be {verb}: {error.strerror or error}") from error
