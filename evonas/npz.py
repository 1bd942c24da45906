"""NPZ files from elsewhere, read without unpacking more than a limit."""

import io
import zipfile
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.limits import MAX_OWN_BYTES, read_regular

_MAX_ARRAYS = 1000
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Returns the arrays of an NPZ file of numbers and texts.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such file, or unpacks to more than `MAX_OWN_BYTES`.
    """
    content = io.BytesIO(read_regular(path))
    try:
        with zipfile.ZipFile(content) as members:
            _check_members(members)
        content.seek(0)
        with np.load(content, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError):
        raise
    except Exception as error:  # each decompressor has its own
        raise ValueError(f"not a readable NPZ file: {error}") from error


def _check_members(members: zipfile.ZipFile) -> None:
    """Refuses what is larger unpacked than is read, by the directory or by an array's header."""
    entries = members.infolist()
    if len(entries) > _MAX_ARRAYS:
        raise ValueError(f"{len(entries):,} arrays; at most {_MAX_ARRAYS:,} are read")
    total = sum(max(entry.file_size, _declared_bytes(members, entry)) for entry in entries)
    if total > MAX_OWN_BYTES:
        raise ValueError(f"unpacks to {total:,} bytes; at most {MAX_OWN_BYTES:,} are read")


def _declared_bytes(members: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Returns the bytes that a member's array would take."""
    with members.open(entry) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"{entry.filename}: NPY version {version}; 1.0 and 2.0 are read")
        shape, _, dtype = _HEADERS[version](file)
    return prod(shape) * dtype.itemsize
