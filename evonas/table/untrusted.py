"""Reading a part that anyone may have made: what is not as `part` writes it is refused.

Links, external storage, foreign filters, other types, and shapes larger than the file can hold
are found before anything is read.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from evonas.errors import EvonasError, SchemaError
from evonas.seal import has_seal, seal_is_right
from evonas.table.columns import check_name
from evonas.table.part import ALL, FORMAT, SCHEMA, Card, Reader, Rows

# Filters that HDF5 itself brings: deflate, shuffle, Fletcher-32.
_FILTERS = {1, 2, 3}
# Real values shrink 20 times at most; constant ones 1,032 times by deflate, and exhaustively
# listed genotypes about 100 times, but then they are small. This bounds what a file can make us
# allocate.
_REAL_RATIO, _LARGEST_RATIO = 20, 1032
_SMALL = {1: 2**26, 8: 2**28}  # by bytes a value
# All datasets of a file together; columns that are mostly missing shrink best.
_RATIO_IN_ALL, _SMALL_IN_ALL = 100, 2**28
_MOST_NAMES = 10_000
_SPACE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
_SHOWN = 100  # characters of a name that is refused
_LARGEST_CHUNK = 2**26
# Parts smaller than this are read at once; larger ones stay open and are read when asked. Either
# way they are there to be read until the end, whoever compacts the table meanwhile.
_READ_AT_ONCE = 2**20
# Larger files are hashed by `evonas table verify` only; what is read of them has HDF5's checksums.
_HASHED_AT_ONCE = 2**26


def read_part(path: Path) -> tuple[list[Rows], Card]:
    """Reads what a file holds; the columns of large ones when they are asked for.

    Raises:
        SchemaError: The file is damaged, no table, or of a newer schema.
    """
    with as_schema_error(path):
        sealed = _sealed(path)
        file = h5py.File(path, "r", locking=False)
        try:
            card, spaces = _read(file, path, sealed)
        except BaseException:
            file.close()
            raise
        declared = sum(
            part.dataset.nbytes
            for rows in spaces
            for part in (rows.genotypes, *rows.columns.values())
            if isinstance(part, _Stored)
        )
        if declared <= _READ_AT_ONCE:
            spaces = [_at_once(rows) for rows in spaces]
            file.close()
        return spaces, card


def _sealed(path: Path) -> bool:
    """Whether a file has a seal; that of a small one must be right, before HDF5 sees the file."""
    with open(path, "rb") as file:
        if not has_seal(file):
            return False
        if path.stat().st_size <= _HASHED_AT_ONCE and not seal_is_right(file):
            raise ValueError("its content is not what was written")
    return True


def check_seals(paths: Iterable[Path]) -> list[str]:
    """Returns the names of sealed files whose content is not what was written; reads them whole."""
    wrong = []
    for path in paths:
        with open(path, "rb") as file:
            if has_seal(file) and not seal_is_right(file):
                wrong.append(path.name)
    return wrong


class NewerSchemaError(SchemaError):
    """A part that a newer evonas has written."""


@contextmanager
def as_schema_error(path: Path) -> Iterator[None]:
    """Turns whatever the damage of a file leads to into one message."""
    try:
        yield
    except SchemaError:
        raise
    except (
        EvonasError,
        OSError,
        KeyError,
        ValueError,
        TypeError,
        RuntimeError,
        AttributeError,
        MemoryError,
        OverflowError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "file signature not found" in reason:
            reason = "no HDF5 file"
        raise SchemaError(f"{path}: no readable benchmark table ({reason})") from error


@dataclass(frozen=True, slots=True)
class _Stored:
    """Reads a dataset of an open file, which it keeps open."""

    path: Path
    file: Any
    dataset: Any

    def __call__(self, rows: slice) -> NDArray[Any]:
        with as_schema_error(self.path):
            values: NDArray[Any] = self.dataset[rows]
            return values


def _at_once(rows: Rows) -> Rows:
    columns: dict[str, Reader] = {n: r(ALL).__getitem__ for n, r in rows.columns.items()}
    return Rows(
        rows.space,
        rows.fingerprint,
        rows.n,
        rows.distinct,
        rows.genotypes(ALL).__getitem__,
        columns,
        rows.provenance,
    )


def _read(file: Any, path: Path, sealed: bool) -> tuple[Card, list[Rows]]:
    if file.attrs.get("format") != FORMAT:
        raise SchemaError(f"{path}: an HDF5 file, but no evonas table")
    schema = int(file.attrs["schema"])
    if schema > SCHEMA:
        raise NewerSchemaError(f"{path}: schema {schema} is newer than {SCHEMA}; upgrade evonas")
    if schema > 1 and not sealed:
        raise ValueError("its end is missing")
    card = _texts(file, "card") if schema > 1 else {}
    content = _Content(path.stat().st_size)
    return card, [_space(file, content, name, path) for name in _names(file)]


def _names(group: Any) -> list[str]:
    if len(group) > _MOST_NAMES:
        raise ValueError(f"{len(group)} names in {group.name}; at most {_MOST_NAMES} are allowed")
    return list(group)


def _space(file: Any, content: "_Content", space: str, path: Path) -> Rows:
    if not _SPACE_NAME.fullmatch(space):
        raise ValueError(f"{space[:_SHOWN]!r} is no name of a space")
    group = content.child(file, space, h5py.Group)
    genotypes = content.child(group, "genotypes", h5py.Dataset)
    content.check(genotypes, np.uint8, 2)
    columns = content.child(group, "columns", h5py.Group)
    readers: dict[str, Reader] = {}
    provenance = {}
    for name in _names(columns):
        check_name(name)
        dataset = content.child(columns, name, h5py.Dataset)
        content.check(dataset, np.float64, 1)
        if len(dataset) != len(genotypes):
            raise ValueError(f"column {name!r} has {len(dataset)} rows of {len(genotypes)}")
        provenance[name] = _texts(dataset, "provenance")
        readers[name] = _Stored(path, file, dataset)
    return Rows(
        group.name.lstrip("/"),
        _text(group, "fingerprint"),
        len(genotypes),
        bool(group.attrs.get("distinct", False)),  # schema 1 did not say
        _Stored(path, file, genotypes),
        readers,
        provenance,
    )


def _text(item: Any, name: str) -> str:
    value = item.attrs[name]
    if not isinstance(value, str):
        raise ValueError(f"attribute {name!r} of {item.name} is not text")
    return value


def _texts(item: Any, name: str) -> dict[str, str]:
    value = json.loads(_text(item, name))
    if not isinstance(value, dict):
        raise ValueError(f"attribute {name!r} of {item.name} is not a JSON object")
    return {str(key): str(entry) for key, entry in value.items()}


class _Content:
    """What a file holds, counted: each name must have content of its own.

    Args:
        size: Bytes of the file.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._addresses: set[int] = set()
        self._declared = 0

    def child(self, group: Any, name: str, kind: type[Any]) -> Any:
        """Returns what stands under a name in a group, and nowhere else."""
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name!r} is missing or a link")
        child: Any = group[name]
        if not isinstance(child, kind):
            raise ValueError(f"{name!r} is not a {kind.__name__.lower()}")
        address = h5py.h5o.get_info(child.id).addr
        if address in self._addresses:
            raise ValueError(f"{child.name} stands under another name too")
        self._addresses.add(address)
        return child

    def check(self, dataset: Any, dtype: type, ndim: int) -> None:
        """Refuses a dataset of another type, or larger than the file can hold."""
        plist = dataset.id.get_create_plist()
        filters = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
        if dataset.dtype != dtype or dataset.ndim != ndim:
            raise ValueError(f"{dataset.name} is {dataset.dtype} of {dataset.ndim} dimensions")
        if filters - _FILTERS or dataset.external or dataset.is_virtual or not dataset.chunks:
            raise ValueError(f"{dataset.name} is stored in a way that is not allowed")
        itemsize = dataset.dtype.itemsize
        chunk = int(np.prod(dataset.chunks, dtype=object)) * itemsize
        stored = min(dataset.id.get_storage_size(), self._size)
        most = max(stored * _REAL_RATIO, min(stored * _LARGEST_RATIO, _SMALL[itemsize]))
        if dataset.nbytes > most or chunk > _LARGEST_CHUNK:
            raise ValueError(
                f"{dataset.name} declares {dataset.nbytes} bytes in chunks of {chunk}, the file "
                f"holds {stored}"
            )
        self._declared += dataset.nbytes
        if self._declared > max(_SMALL_IN_ALL, self._size * _RATIO_IN_ALL):
            raise ValueError(
                f"it declares more than {self._declared} bytes, the file has {self._size}"
            )
