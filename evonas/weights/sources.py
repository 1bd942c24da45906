"""The files among which published weights are looked for: a folder's or a tarball's."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from evonas.errors import SchemaError

_MOST_FILE = 256 << 20  # bytes of one file; the largest checkpoint with its optimiser has 160 MB
_MOST_UNPACKED = 1 << 30  # bytes of a tarball
# Weights hardly compress: a tarball may become this many times its size, and some more.
_MOST_RATIO, _ALWAYS_ALLOWED = 50, 16 << 20
_MOST_FILES = 10_000
_CHUNK = 1 << 20
_DAMAGED = (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, RecursionError)


class Files(Protocol):
    """Named files."""

    def names(self) -> list[str]:
        """Returns the names of all files."""

    def read(self, name: str) -> bytes:
        """Returns a file's content.

        Raises:
            SchemaError: There is none of that name, or it is damaged or too large.
        """


@dataclass(frozen=True, slots=True)
class Folder:
    """The files in a folder and the folders in it."""

    path: Path

    def names(self) -> list[str]:
        """Returns the names of all files, relative to the folder."""
        found: list[str] = []
        for path in self.path.rglob("*"):
            if len(found) >= _MOST_FILES:
                raise SchemaError(f"{self.path}: more than {_MOST_FILES} files; name one of them")
            if path.is_file():
                found.append(path.relative_to(self.path).as_posix())
        return sorted(found)

    def read(self, name: str) -> bytes:
        """Returns a file's content.

        Raises:
            SchemaError: There is none of that name, or it is too large.
        """
        path = self.path / name
        if not path.is_file():
            raise SchemaError(f"{path}: no such file")
        _check_size(str(path), path.stat().st_size)
        return path.read_bytes()


@dataclass(frozen=True, slots=True)
class Tarball:
    """The files in a tarball, plain or compressed with gzip; nothing is unpacked to disk."""

    path: Path

    def names(self) -> list[str]:
        """Returns the names of all files."""
        with self._members() as (_, members):
            return sorted(member.name for member in members)

    def read(self, name: str) -> bytes:
        """Returns a file's content.

        Raises:
            SchemaError: There is none of that name, or it is damaged or too large.
        """
        with self._members() as (tar, members):
            for member in members:
                if member.name == name:
                    _check_size(f"{self.path}: {name!r}", member.size)
                    file = tar.extractfile(member)
                    assert file is not None
                    return _read_all(file, member.size, f"{self.path}: {name!r}")
        raise SchemaError(f"{self.path}: holds no file {name!r}")

    @contextmanager
    def _members(self) -> Iterator[tuple[tarfile.TarFile, Iterator[tarfile.TarInfo]]]:
        try:
            with self.path.open("rb") as file:
                is_gzip = file.read(2) == b"\x1f\x8b"
                file.seek(0)
                packed = self.path.stat().st_size
                limit = min(_MOST_UNPACKED, _ALWAYS_ALLOWED + _MOST_RATIO * packed)
                content = gzip.GzipFile(fileobj=file) if is_gzip else file
                limited = cast(IO[bytes], _Limited(cast(IO[bytes], content), self.path, limit))
                with tarfile.open(fileobj=limited, mode="r:") as tar:
                    yield tar, self._files(tar)
        except _DAMAGED as error:
            raise SchemaError(f"{self.path}: not a readable tarball ({error})") from error

    def _files(self, tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
        for number, member in enumerate(tar):
            if number >= _MOST_FILES:
                raise SchemaError(f"{self.path}: more than {_MOST_FILES} files")
            if member.isfile():
                yield member


class _Limited:
    """A stream that refuses to be read too far, or too much of it at once."""

    def __init__(self, file: IO[bytes], path: Path, limit: int) -> None:
        self._file, self._path, self._limit = file, path, limit

    def read(self, size: int = -1) -> bytes:
        """Reads as the stream does."""
        if not 0 <= size <= 2 * _CHUNK or self._file.tell() + size > self._limit:
            raise SchemaError(
                f"{self._path}: too large unpacked; at most {self._limit >> 20} MiB are allowed"
            )
        return self._file.read(size)

    def seek(self, place: int, whence: int = 0) -> int:
        """Seeks as the stream does."""
        if whence != 0 or place > self._limit:
            raise SchemaError(
                f"{self._path}: too large unpacked; at most {self._limit >> 20} MiB are allowed"
            )
        return self._file.seek(place)

    def tell(self) -> int:
        """Tells as the stream does."""
        return self._file.tell()


def _read_all(file: IO[bytes], size: int, where: str) -> bytes:
    content = bytearray()
    while chunk := file.read(min(_CHUNK, size - len(content))):
        content += chunk
    if len(content) != size:
        raise SchemaError(f"{where} is cut off")
    return bytes(content)


def _check_size(where: str, size: int) -> None:
    if size > _MOST_FILE:
        raise SchemaError(f"{where}: {size:,} bytes; at most {_MOST_FILE:,} are allowed")
