"""One HDF5 file of a table: rows of one or more spaces.

Layout: the root has the attributes `format` and `schema`; `/SPACE` the attributes `fingerprint`
and the dataset `genotypes`, uint8 (n, n_genes); `/SPACE/columns/NAME` is float64 (n,) with NaN
for missing and the attribute `provenance`, a JSON object. Every dataset has a checksum (HDF5's
Fletcher-32), and so has the metadata, so that damage is found when it is read.
"""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from evonas.errors import SchemaError
from evonas.files import write_atomically

FORMAT, SCHEMA = "evonas-table", 1

Floats = NDArray[np.float64]
Provenance = Mapping[str, str]

# Filters that HDF5 itself brings: deflate, shuffle, Fletcher-32. Deflate shrinks 1,032 times at
# most, which bounds what a small file can make us allocate.
_FILTERS = {1, 2, 3}
_LARGEST_RATIO = 1032


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one space: canonical genotypes, and how to read each column's values."""

    space: str
    fingerprint: str
    genotypes: NDArray[np.uint8]
    columns: Mapping[str, Callable[[], Floats]]
    provenance: Mapping[str, Provenance]


def write_part(path: Path, spaces: list[Rows]) -> None:
    """Writes a file whole or not at all; when it returns, the rows survive a crash.

    Raises:
        DataError: The place cannot be written.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="latest") as file:
        file.attrs["format"] = FORMAT
        file.attrs["schema"] = SCHEMA
        for rows in spaces:
            group = file.create_group(rows.space)
            group.attrs["fingerprint"] = rows.fingerprint
            _write(group, "genotypes", rows.genotypes)
            columns = group.create_group("columns")
            for name, read in rows.columns.items():
                dataset = _write(columns, name, read())
                dataset.attrs["provenance"] = json.dumps(dict(rows.provenance[name]))
    write_atomically(path, buffer.getbuffer())


def _write(group: Any, name: str, values: NDArray[Any]) -> Any:
    # Compression pays only where there is something to compress.
    large = {"compression": "gzip", "shuffle": True} if len(values) > 1000 else {}
    chunks = (min(max(len(values), 1), 65_536), *values.shape[1:])
    return group.create_dataset(
        name,
        data=values,
        chunks=chunks,
        maxshape=(None, *values.shape[1:]),
        fletcher32=True,
        **large,
    )


def read_part(path: Path) -> list[Rows]:
    """Reads genotypes and the names of columns; columns are read when asked for.

    The file is not trusted: links, foreign filters, other types and shapes larger than the file
    can hold are refused.

    Raises:
        SchemaError: The file is damaged, no table, or of a newer schema.
    """
    rows: list[Rows] = _guarded(path, _read)
    return rows


def _guarded(path: Path, read: Callable[[h5py.File, Path], Any]) -> Any:
    """Opens a file and turns whatever its damage leads to into one message."""
    try:
        with h5py.File(path, "r") as file:
            return read(file, path)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SchemaError(f"{path}: no readable benchmark table ({reason})") from error


def _read(file: h5py.File, path: Path) -> list[Rows]:
    if file.attrs.get("format") != FORMAT:
        raise SchemaError(f"{path}: an HDF5 file, but no evonas table")
    schema = int(file.attrs["schema"])
    if schema > SCHEMA:
        raise SchemaError(f"{path}: schema {schema} is newer than {SCHEMA}; upgrade evonas")
    size = path.stat().st_size
    return [_read_space(_child(file, name, h5py.Group), path, size) for name in file]


def _read_space(group: Any, path: Path, size: int) -> Rows:
    genotypes = _values(_child(group, "genotypes", h5py.Dataset), np.uint8, 2, size)
    columns = _child(group, "columns", h5py.Group)
    readers, provenance = {}, {}
    for name in columns:
        dataset = _child(columns, name, h5py.Dataset)
        _check(dataset, np.float64, 1, size)
        if len(dataset) != len(genotypes):
            raise ValueError(f"column {name!r} has {len(dataset)} rows of {len(genotypes)}")
        read = json.loads(dataset.attrs["provenance"])
        provenance[name] = {str(key): str(value) for key, value in read.items()}
        readers[name] = _reader(path, dataset.name)
    fingerprint = str(group.attrs["fingerprint"])
    return Rows(group.name.lstrip("/"), fingerprint, genotypes, readers, provenance)


def _reader(path: Path, name: str) -> Callable[[], Floats]:
    def read(file: h5py.File, path: Path) -> Floats:
        values: Floats = _values(file[name], np.float64, 1, path.stat().st_size)
        return values

    return lambda: _guarded(path, read)


def _child(group: Any, name: str, kind: type) -> Any:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name!r} is missing or a link")
    child = group[name]
    if not isinstance(child, kind):
        raise ValueError(f"{name!r} is no {kind.__name__.lower()}")
    return child


def _check(dataset: Any, dtype: type, ndim: int, file_size: int) -> None:
    plist = dataset.id.get_create_plist()
    filters = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
    if dataset.dtype != dtype or dataset.ndim != ndim:
        raise ValueError(f"{dataset.name} is {dataset.dtype} of {dataset.ndim} dimensions")
    if filters - _FILTERS or dataset.external or dataset.is_virtual:
        raise ValueError(f"{dataset.name} is stored in a way that is not allowed")
    stored = min(dataset.id.get_storage_size(), file_size)
    if dataset.nbytes > stored * _LARGEST_RATIO:
        raise ValueError(f"{dataset.name} declares {dataset.nbytes} bytes, the file holds {stored}")


def _values(dataset: Any, dtype: type, ndim: int, file_size: int) -> Any:
    _check(dataset, dtype, ndim, file_size)
    return dataset[...]
