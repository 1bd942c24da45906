"""Writing files so that a reader or a crash sees the old content or the new, never half."""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO

from evonas.errors import ConfigurationError, DataError, EvonasError, SchemaError
from evonas.json_values import without_nan
from evonas.limits import parse_json, read_regular

_PARTIAL = ".partial"
_PREFIX = 100  # characters of a file's name in the name of its partial
_PARTIAL_SECONDS = 10.0  # a file younger than this may belong to a process about to lock it


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Writes a file under a temporary name, syncs it and renames it; folders are made.

    When it returns, the content survives a crash of the machine.

    Raises:
        DataError: The place cannot be written; what was there before is still there.
    """
    with atomic_file(path) as file:
        file.write(content)


@contextmanager
def atomic_file(
    path: Path, placing: Callable[[], AbstractContextManager[Path]] | None = None
) -> Iterator[BinaryIO]:
    """Gives a file to write and read that takes its place when the block ends without an error.

    Args:
        path: Its place.
        placing: Entered when the content is on disk, and left when it has its name: gives the
            place in the same folder instead, and may refuse it.

    Raises:
        DataError: The place cannot be written; what was there before is still there.
    """
    partial: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(_PARTIAL, f".{path.name[:_PREFIX]}.", path.parent)
        with os.fdopen(descriptor, "w+b") as file:
            with suppress(OSError):  # a file system without locks; see `remove_partial_files`
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)
        with placing() if placing else nullcontext(path) as place:
            os.replace(partial, place)
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


def check_folder(path: Path) -> None:
    """Refuses to take a file for a folder that is to be written.

    Raises:
        ConfigurationError: A file is there, or where one of its parents would be.
    """
    there = next((place for place in (path, *path.parents) if os.path.lexists(place)), path)
    if there.exists() and not there.is_dir():
        raise ConfigurationError(f"{there}: is a file; name a folder with --out")


def check_place(path: Path, is_ours: Callable[[Path], object], what: str) -> None:
    """Refuses to write over what is of another kind.

    Args:
        path: Where a file is to be written.
        is_ours: Reads the file that is there; whether it may be replaced. An error of evonas means
            no.
        what: What may be replaced, as `table`.

    Raises:
        ConfigurationError: A folder or a file of another kind is there.
    """
    if not path.exists():
        return
    try:
        if path.is_file() and is_ours(path):
            return
    except EvonasError:
        pass
    raise ConfigurationError(
        f"{path}: is there already and is no {what}; name another file, or remove it"
    )


def remove_partial_files(folder: Path) -> list[Path]:
    """Removes what killed processes have left of files they were writing; returns what it was.

    A file that a living process writes is locked by it, and stays.
    """
    removed = []
    oldest = time.time() - _PARTIAL_SECONDS
    with suppress(OSError):
        for path in sorted(folder.glob(f".*{_PARTIAL}")):
            with suppress(OSError), path.open("rb") as file:
                if os.fstat(file.fileno()).st_mtime < oldest:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                    removed.append(path)
    return removed


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON object, atomically."""
    write_atomically(
        path, (json.dumps(without_nan(content), indent=2, allow_nan=False) + "\n").encode()
    )


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Reads a JSON object.

    Args:
        path: The file.
        what: What is expected there, for the message.

    Raises:
        SchemaError: The file is missing, damaged or holds something else.
    """
    try:
        text = read_regular(path)
    except FileNotFoundError as error:
        raise SchemaError(f"{path}: no such file; expected {what}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SchemaError(f"{path}: cannot be read ({reason}); expected {what}") from error
    try:
        content = parse_json(text, str(path))
    except DataError as error:
        raise SchemaError(f"{error}; expected {what}") from error
    if not isinstance(content, dict):
        raise SchemaError(f"{path}: does not hold an object; expected {what}")
    return content
