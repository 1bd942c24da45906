"""One HDF5 file of a table: rows of one or more spaces.

Layout of schema 2: the root has the attributes `format`, `schema` and `card` (a JSON object);
`/SPACE` the attributes `fingerprint` and `distinct` (whether each genotype stands once), and the
dataset `genotypes`, uint8 (n, n_genes); `/SPACE/columns/NAME` is float64 (n,) with NaN for
missing and the attributes `provenance`, a JSON object with the `source`, `unit` and `direction`.
Every dataset has a checksum (HDF5's Fletcher-32), and so has the metadata, so that damage is
found when it is read; after the HDF5 content follows a seal (see `seal`). Schema 1 had no seal,
`card`, `distinct`, `unit` and `direction`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats as Floats  # for all of evonas.table
from evonas.errors import DataError
from evonas.files import atomic_file
from evonas.seal import add_seal
from evonas.table.columns import column_objective, direction_of

FORMAT, SCHEMA = "evonas-table", 2

Provenance = Mapping[str, str]
Card = Mapping[str, str]
# Gives the rows of a slice; whoever reads a part owns what it gets.
Reader = Callable[[slice], NDArray[Any]]

ALL = slice(None)
_CHUNK = 65_536  # rows compressed, and checked, together
# What every h5py since 3.0 reads; "latest" would be what the newest alone reads.
_FORMAT_OF_HDF5 = ("v110", "v110")
_SLAB = 16 * _CHUNK  # rows in memory while writing


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one space: canonical genotypes, and how to read each column's values.

    Attributes:
        space: Name of the space.
        fingerprint: Of the definition of the space.
        n: Number of rows.
        distinct: Whether each genotype is known to stand once.
        genotypes: Reads uint8 (n, n_genes).
        columns: Each reads float64 (n,), NaN where missing.
        provenance: Of each column.
    """

    space: str
    fingerprint: str
    n: int
    distinct: bool
    genotypes: Reader
    columns: Mapping[str, Reader]
    provenance: Mapping[str, Provenance]


def write_part(
    path: Path,
    spaces: Sequence[Rows],
    card: Card | None = None,
    placing: Callable[[], AbstractContextManager[Path]] | None = None,
) -> None:
    """Writes a file whole or not at all; when it returns, the rows survive a crash.

    Args:
        path: The file.
        spaces: Its rows.
        card: The table's card.
        placing: See `atomic_file`.

    Raises:
        DataError: The place cannot be written.
    """
    with atomic_file(path, placing) as file:
        sink = _Sink(file)
        try:
            with h5py.File(sink, "w", libver=_FORMAT_OF_HDF5) as hdf5:
                hdf5.attrs["format"] = FORMAT
                hdf5.attrs["schema"] = SCHEMA
                hdf5.attrs["card"] = json.dumps(dict(card or {}))
                for rows in spaces:
                    _write_space(hdf5.create_group(rows.space), rows)
        finally:
            if sink.error:
                raise sink.error
        add_seal(file)


def _write_space(group: Any, rows: Rows) -> None:
    group.attrs["fingerprint"] = rows.fingerprint
    group.attrs["distinct"] = rows.distinct
    _write(group, "genotypes", rows.n, rows.genotypes)
    columns = group.create_group("columns")
    for name, read in rows.columns.items():
        provenance = dict(rows.provenance[name])
        dataset = _write(columns, name, rows.n, read)
        dataset.attrs["provenance"] = json.dumps(provenance)
        objective = column_objective(name, provenance)
        dataset.attrs["unit"] = objective.unit if objective else provenance.get("unit", "")
        dataset.attrs["direction"] = direction_of(objective)


def _write(group: Any, name: str, n: int, read: Reader) -> Any:
    first = read(slice(min(n, _SLAB)))
    shape = first.shape[1:]
    # Compression pays only where there is something to compress.
    large = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if n > 1000 else {}
    chunks = (min(max(n, 1), _CHUNK), *shape)
    dataset = group.create_dataset(
        name, (n, *shape), first.dtype, chunks=chunks, fletcher32=True, **large
    )
    dataset[: len(first)] = first
    for start in range(len(first), n, _SLAB):
        slab = slice(start, min(start + _SLAB, n))
        dataset[slab] = read(slab)
    return dataset


class _Sink:
    """A file for HDF5 to write into that keeps the first error of the disk for afterwards.

    HDF5 cannot close a file whose disk is full, and then fails again at the end of the process.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.error: OSError | None = None
        self._file = file

    def write(self, content: memoryview) -> int:
        return self._try(self._file.write, content, otherwise=len(content))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._try(self._file.seek, offset, whence, otherwise=offset)

    def tell(self) -> int:
        return self._try(self._file.tell, otherwise=0)

    def truncate(self, size: int) -> int:
        return self._try(self._file.truncate, size, otherwise=size)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def flush(self) -> None:
        """Does nothing: the file is synced once it is whole."""

    def _try(self, call: Callable[..., int], *arguments: Any, otherwise: int) -> int:
        if not self.error:
            try:
                return call(*arguments)
            except OSError as error:
                self.error = error
        return otherwise


def in_memory(
    space: str,
    fingerprint: str,
    genotypes: NDArray[np.uint8],
    columns: Mapping[str, Floats],
    provenance: Mapping[str, Provenance],
    distinct: bool = False,
) -> Rows:
    """Returns rows whose values, (n,), are in memory.

    Raises:
        DataError: A column has not as many values as there are genotypes.
    """
    for name, values in columns.items():
        if values.shape != (len(genotypes),):
            raise DataError(f"column {name!r} must have {len(genotypes)} values")
    readers = {name: values.__getitem__ for name, values in columns.items()}
    return Rows(
        space,
        fingerprint,
        len(genotypes),
        distinct,
        genotypes.__getitem__,
        readers,
        {name: provenance[name] for name in columns},
    )
