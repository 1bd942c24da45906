"""A SHA-256 of all that stands before it, at the end of a file.

HDF5 checks what it reads, but not the bytes that it does not need, and its parser is no place for
a damaged file. It ignores what follows its own end, so this stands there.
"""

import hashlib
import io
import os
from typing import BinaryIO

_MARK = b"evonas-sha256:"
_LENGTH = len(_MARK) + hashlib.sha256().digest_size
_BLOCK = 2**20


def add_seal(file: BinaryIO) -> None:
    """Appends the seal to a file that is open for reading and writing."""
    end = file.seek(0, os.SEEK_END)
    file.write(_MARK + _digest(file, end))


def has_seal(file: BinaryIO) -> bool:
    """Returns whether the file ends with a seal, right or wrong."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - _LENGTH, 0))
    return file.read(len(_MARK)) == _MARK


def seal_is_right(file: BinaryIO) -> bool:
    """Returns whether the seal is that of the content; reads the whole file."""
    end = file.seek(0, os.SEEK_END) - _LENGTH
    file.seek(end + len(_MARK))
    recorded = file.read()
    return recorded == _digest(file, end)


def _digest(file: BinaryIO, end: int) -> bytes:
    digest = hashlib.sha256()
    file.seek(0)
    for start in range(0, end, _BLOCK):
        digest.update(file.read(min(_BLOCK, end - start)))
    file.seek(end)
    return digest.digest()


def unsealed(content: bytes) -> tuple[bytes, bool]:
    """Returns what stands before a seal, and whether there is one.

    Raises:
        ValueError: The seal is wrong.
    """
    file = io.BytesIO(content)
    if not has_seal(file):
        return content, False
    if not seal_is_right(file):
        raise ValueError("its content is not what was written")
    return content[:-_LENGTH], True
