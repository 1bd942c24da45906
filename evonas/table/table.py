"""`BenchmarkTable`: rows by genotype, columns by name, in a folder of immutable parts or a file.

Every `append` writes one new part, so writers need no lock and a reader sees a batch whole or
not at all. Where parts hold the same genotype, the later value of a column wins, and a missing
value never does. A column of a space has one provenance: scores of another supernet or data set
belong in another table.
"""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.errors import ConfigurationError, DataError, SchemaError, unknown_name
from evonas.objectives import load_objective, pareto_mask
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table.index import GenotypeIndex
from evonas.table.part import Floats, Provenance, Rows, read_part, write_part
from evonas.table.where import where_mask

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class _SpaceRows:
    """All rows of one space: the parts' rows, and what was made of them so far."""

    parts: list[Rows] = field(default_factory=list)
    index: GenotypeIndex | None = None
    columns: dict[str, Floats] = field(default_factory=dict)

    def add(self, rows: Rows) -> None:
        self.parts.append(rows)
        self.index = None
        self.columns.clear()

    def rows(self) -> GenotypeIndex:
        if self.index is None:
            self.index = GenotypeIndex(np.concatenate([part.genotypes for part in self.parts]))
        return self.index

    def names(self) -> list[str]:
        return list(dict.fromkeys(name for part in self.parts for name in part.columns))

    def provenance(self, name: str) -> Provenance | None:
        found = (part.provenance[name] for part in self.parts if name in part.columns)
        return next(found, None)

    def column(self, name: str) -> Floats:
        if name not in self.columns:
            index, start = self.rows(), 0
            values = np.full(len(index), np.nan)
            for part in self.parts:
                if name in part.columns:
                    given = part.columns[name]()
                    filled = ~np.isnan(given)
                    values[index.row[start : start + len(given)][filled]] = given[filled]
                start += len(part.genotypes)
            self.columns[name] = values
        return self.columns[name]


class BenchmarkTable:
    """A table open for queries and, if it is a folder, for appending; see `open_table`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._spaces: dict[str, _SpaceRows] = {}
        self._read: set[Path] = set()
        self.refresh()

    # --- reading --------------------------------------------------------------------------

    def refresh(self) -> None:
        """Reads the parts that others have written since.

        Raises:
            SchemaError: A part is damaged, of a newer schema, or of another definition of a space.
        """
        files = [self.path] if self.path.is_file() else _parts(self.path)
        if not self._read <= set(files):  # compacted by another process
            self._spaces, self._read = {}, set()
        for file in files:
            if file in self._read:
                continue
            try:
                spaces = read_part(file)
            except SchemaError:
                if file.exists():
                    raise
                return self.refresh()  # compacted between listing and reading
            for rows in spaces:
                self._add(rows, file)
            self._read.add(file)

    @property
    def spaces(self) -> list[str]:
        """Names of the spaces that have rows."""
        return list(self._spaces)

    def __len__(self) -> int:
        return sum(len(rows.rows()) for rows in self._spaces.values())

    def columns(self, space: SearchSpace | str | None = None) -> list[str]:
        """Returns the names of a space's columns."""
        return self._rows(space).names()

    def column(self, name: str, space: SearchSpace | str | None = None) -> Floats:
        """Returns a column, (n,), NaN where missing, in the order of `genotypes`.

        Raises:
            ConfigurationError: The table has no such column.
        """
        rows = self._rows(space)
        if name not in rows.names():
            raise unknown_name("column", name, rows.names())
        return rows.column(name)

    def genotypes(self, space: SearchSpace | str | None = None) -> Genotypes:
        """Returns all genotypes of a space, (n, n_genes), each once."""
        return self._rows(space).rows().genotypes

    def fingerprint(self, space: SearchSpace | str | None = None) -> str:
        """Returns the fingerprint of the definition for which a space's rows were written."""
        return self._rows(space).parts[0].fingerprint

    def provenance(self, column: str, space: SearchSpace | str | None = None) -> Provenance:
        """Returns what a column's values depend on; empty for an unknown column."""
        return self._rows(space).provenance(column) or {}

    def lookup(
        self,
        genotypes: Genotypes,
        columns: Sequence[str],
        space: SearchSpace | str | None = None,
    ) -> dict[str, Floats]:
        """Returns each column's values, (n,), of canonical genotypes (n, n_genes).

        What the table does not have is NaN.
        """
        if space is not None and _name(space) not in self._spaces:
            return {name: np.full(len(genotypes), np.nan) for name in columns}
        table = self._rows(space)
        rows = table.rows().find(np.asarray(genotypes, np.uint8))
        known = set(table.names())
        found = {}
        for name in columns:
            values = table.column(name)[rows] if name in known else np.full(len(rows), np.nan)
            values[rows < 0] = np.nan
            found[name] = values
        return found

    def where(self, expression: str, space: SearchSpace | str | None = None) -> NDArray[np.intp]:
        """Returns the rows that meet a condition, for example `map > 0.3 and params < 1e6`.

        Raises:
            ConfigurationError: The expression is not well-formed or names an unknown column.
        """
        mask = where_mask(expression, lambda name: self.column(name, space))
        return np.flatnonzero(np.broadcast_to(mask, len(self.genotypes(space))))

    def front(
        self,
        objectives: Sequence[str],
        where: str | None = None,
        space: SearchSpace | str | None = None,
    ) -> NDArray[np.intp]:
        """Returns the non-dominated rows, best in the first objective first.

        Raises:
            ConfigurationError: An unknown objective or column, or a bad condition.
        """
        chosen = [load_objective(name) for name in objectives]
        rows = self.where(where, space) if where else np.arange(len(self.genotypes(space)))
        values = np.stack([self.column(o.name, space)[rows] for o in chosen], axis=1)
        front = np.flatnonzero(pareto_mask(values, chosen))
        order = np.argsort(values[front, 0], kind="stable")
        return rows[front[order[::-1] if chosen[0].maximise else order]]

    def to_pandas(self, space: SearchSpace | str | None = None) -> "pd.DataFrame":
        """Returns a frame with `arch_id` as its index and all columns."""
        import pandas as pd

        name = self._name(space)
        arch_ids = load_space(name).arch_ids(self.genotypes(name))
        columns = {column: self.column(column, name) for column in self.columns(name)}
        return pd.DataFrame(columns, index=pd.Index(arch_ids, name="arch_id"))

    def info(self) -> dict[str, Any]:
        """Returns the data card: rows, spaces, and each column with unit, source and filling."""
        columns = []
        for space in self.spaces:
            for name in self.columns(space):
                provenance = self.provenance(name, space)
                columns.append(
                    {
                        "name": name,
                        "space": space,
                        "unit": _unit(name),
                        "source": provenance.get("source", ""),
                        "filled": int((~np.isnan(self.column(name, space))).sum()),
                        "provenance": dict(provenance),
                    }
                )
        return {
            "rows": len(self),
            "spaces": {space: len(self.genotypes(space)) for space in self.spaces},
            "parts": len(self._read),
            "columns": columns,
            "checksum": self.checksum(),
        }

    def checksum(self) -> str:
        """Returns a hash of all rows and values, the same however they are split into parts."""
        import hashlib

        digest = hashlib.sha256()
        for space in sorted(self.spaces):
            genotypes = self.genotypes(space)
            order = np.lexsort(genotypes.T[::-1])
            digest.update(space.encode() + genotypes[order].tobytes())
            for name in sorted(self.columns(space)):
                digest.update(name.encode() + self.column(name, space)[order].tobytes())
        return digest.hexdigest()[:16]

    # --- writing --------------------------------------------------------------------------

    def append(
        self,
        space: SearchSpace,
        genotypes: Genotypes,
        columns: Mapping[str, ArrayLike],
        *,
        provenance: Provenance,
    ) -> None:
        """Adds values, each (n,), of canonical genotypes; when it returns they survive a crash.

        Args:
            space: The genotypes' space.
            genotypes: (n, n_genes).
            columns: Values by column name.
            provenance: What the values depend on, with their `source`.

        Raises:
            DataError: The table cannot be written, or has the column with another provenance.
            GenotypeError: A genotype is out of range.
        """
        if self.path.is_file():
            raise DataError(
                f"{self.path}: a single-file table is not appended to; merge it into a folder "
                "first: evonas table merge"
            )
        genotypes = space.check(genotypes)
        values = {name: np.array(given, np.float64) for name, given in columns.items()}
        bad = [name for name, given in values.items() if given.shape != (len(genotypes),)]
        if bad:
            raise DataError(f"column {bad[0]!r} must have {len(genotypes)} values")
        rows = _rows_of(space.name, space.fingerprint, genotypes.copy(), values, provenance)
        self._check(rows, self.path)
        path = self.path / f"part-{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}.h5"
        write_part(path, [rows])
        self._add(rows, path)
        self._read.add(path)

    def merged(self) -> list[Rows]:
        """Returns all rows, each genotype once, as they would stand in a single part."""
        merged = []
        for space, rows in self._spaces.items():
            columns = {name: rows.column(name) for name in rows.names()}
            provenance = {name: rows.provenance(name) or {} for name in columns}
            readers = {name: (lambda given=given: given) for name, given in columns.items()}
            fingerprint = rows.parts[0].fingerprint
            merged.append(Rows(space, fingerprint, rows.rows().genotypes, readers, provenance))
        return merged

    def compact(self) -> None:
        """Merges the parts of a folder into one; other processes may read and append meanwhile.

        The new part takes the place of the last one that it holds, so parts that are written
        meanwhile stay later than it; a crash leaves the same rows twice, which is harmless.
        """
        self.refresh()
        files = sorted(self._read)
        if self.path.is_file() or len(files) < 2:
            return
        target = files[-1].with_name(f"{files[-1].stem}.c.h5")
        write_part(target, self.merged())
        for file in files:
            file.unlink(missing_ok=True)
        self.refresh()

    # --- inside ---------------------------------------------------------------------------

    def _add(self, rows: Rows, file: Path) -> None:
        self._check(rows, file)
        self._spaces.setdefault(rows.space, _SpaceRows()).add(rows)

    def _check(self, rows: Rows, file: Path) -> None:
        """Refuses rows of another definition of the space or of another provenance."""
        known = self._spaces.get(rows.space)
        if known is None:
            return
        if known.parts[0].fingerprint != rows.fingerprint:
            raise SchemaError(f"{file}: rows of another definition of the space {rows.space!r}")
        for name, provenance in rows.provenance.items():
            ours = known.provenance(name)
            if ours is not None and dict(ours) != dict(provenance):
                key = min(k for k in {*ours, *provenance} if ours.get(k) != provenance.get(k))
                raise DataError(
                    f"{file}: column {name!r} has {key} {ours.get(key)!r}, the new values "
                    f"{provenance.get(key)!r}; keep them in another table"
                )

    def _name(self, space: SearchSpace | str | None) -> str:
        if space is not None:
            name = _name(space)
        elif len(self._spaces) == 1:
            name = next(iter(self._spaces))
        else:
            raise ConfigurationError(
                f"{self.path}: has rows of {', '.join(self._spaces) or 'no space'}; name one"
            )
        if name not in self._spaces:
            raise unknown_name(f"space in {self.path}", name, self._spaces)
        return name

    def _rows(self, space: SearchSpace | str | None) -> _SpaceRows:
        return self._spaces[self._name(space)]


def create_table(path: Path | str) -> BenchmarkTable:
    """Makes an empty table, a folder, and opens it.

    Raises:
        DataError: Something is there already, or the place cannot be written.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        raise DataError(f"{path}: exists already") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be made: {error.strerror}") from error
    return BenchmarkTable(path)


def open_table(path: Path | str) -> BenchmarkTable:
    """Opens a table: a folder of parts, or a single HDF5 file (for queries only).

    Raises:
        SchemaError: It is not there, damaged, or of a newer schema.
    """
    path = Path(path)
    if not path.exists():
        raise SchemaError(f"{path}: no such table")
    return BenchmarkTable(path)


def write_table(path: Path | str, table: BenchmarkTable) -> None:
    """Writes a table as a single file.

    Raises:
        DataError: The place cannot be written.
    """
    write_part(Path(path), table.merged())


def _parts(folder: Path) -> list[Path]:
    """A folder's parts, oldest first: their names begin with the time of writing."""
    return sorted(folder.glob("part-*.h5"), key=lambda path: path.stem)


def _rows_of(
    space: str,
    fingerprint: str,
    genotypes: Genotypes,
    values: Mapping[str, Floats],
    provenance: Provenance,
) -> Rows:
    readers = {name: (lambda given=given: given) for name, given in values.items()}
    return Rows(space, fingerprint, genotypes, readers, {name: provenance for name in values})


def _name(space: SearchSpace | str) -> str:
    return space if isinstance(space, str) else space.name


def _unit(column: str) -> str:
    try:
        return load_objective(column).unit
    except ConfigurationError:
        return ""
