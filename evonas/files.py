"""Writing files so that a reader or a crash sees the old content or the new, never half."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from evonas.errors import DataError, SchemaError
from evonas.json_values import without_nan


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Writes a file under a temporary name, syncs it and renames it; folders are made.

    When it returns, the content survives a crash of the machine.

    Raises:
        DataError: The place cannot be written; what was there before is still there.
    """
    with atomic_file(path) as file:
        file.write(content)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Gives a file to write and read that takes its place when the block ends without an error.

    Raises:
        DataError: The place cannot be written; what was there before is still there.
    """
    partial: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, path)
        partial = None
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if partial:
            Path(partial).unlink(missing_ok=True)


def read_lines(path: Path) -> list[str]:
    """Returns a text file's lines.

    Raises:
        DataError: It cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text: {error}") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON object, atomically."""
    write_atomically(path, (json.dumps(without_nan(content), indent=2) + "\n").encode())


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Reads a JSON object.

    Args:
        path: The file.
        what: What is expected there, for the message.

    Raises:
        SchemaError: The file is missing, damaged or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise SchemaError(f"{path}: no such file; expected {what}") from error
    except (OSError, ValueError) as error:
        raise SchemaError(f"{path}: cannot be read ({error}); expected {what}") from error
    if not isinstance(content, dict):
        raise SchemaError(f"{path}: holds no object; expected {what}")
    return content
