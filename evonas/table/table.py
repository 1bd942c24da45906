"""`BenchmarkTable`: queries of a table. Rows are row numbers, in the order of `genotypes`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evonas.conditions import where_mask
from evonas.errors import (
    ConfigurationError,
    DataError,
    SchemaError,
)
from evonas.limits import check_whole, seeded
from evonas.objectives import Objective, hypervolume, name_list, pareto_mask
from evonas.paths import shipped_data
from evonas.space import Genotypes, load_space
from evonas.table.card import column_card
from evonas.table.checksum import content_checksum, file_sha256
from evonas.table.columns import column_objective
from evonas.table.lookup import ColumnTable, RowNumbers, Space
from evonas.table.part import Card, Floats, write_part
from evonas.table.rows import slices
from evonas.table.untrusted import NewerSchemaError

if TYPE_CHECKING:
    import pandas as pd


class BenchmarkTable(ColumnTable):
    """A table open for queries and, if it is a folder, for appending; see `open_table`."""

    def where(self, expression: str | None, space: Space = None) -> RowNumbers:
        """Returns the rows that meet a condition, for example `map > 0.3 and params < 1e6`.

        Raises:
            ConfigurationError: The expression is not well-formed or names an unknown column.
        """
        if expression is None:
            return np.arange(self.count(space))
        mask = where_mask(expression, lambda name: self.column(name, space))
        return np.flatnonzero(np.broadcast_to(mask, self.count(space)))

    def top(
        self,
        column: str,
        k: int | None = None,
        where: str | None = None,
        space: Space = None,
        *,
        worst: bool = False,
    ) -> RowNumbers:
        """Returns the k best rows, best first; all that have a value if k is None.

        A column without a known direction is sorted upwards.

        Raises:
            ConfigurationError: An unknown column, a bad condition, or k is below 1.
        """
        if k is not None:
            check_whole("k", k, 1)
        rows = self.where(where, space)
        values = self.column(column, space)[rows]
        objective = column_objective(column, self.provenance(column, space))
        values = -values if (objective is not None and objective.maximise) != worst else values
        rows, values = rows[~np.isnan(values)], values[~np.isnan(values)]
        if k is not None and k < len(rows):
            chosen = np.sort(np.argpartition(values, k)[:k])
            rows, values = rows[chosen], values[chosen]
        return rows[np.argsort(values, kind="stable")]

    def front(
        self, objectives: Sequence[str], where: str | None = None, space: Space = None
    ) -> RowNumbers:
        """Returns the non-dominated rows, best in the first objective first.

        Raises:
            ConfigurationError: An unknown column, one without a direction, or a bad condition.
        """
        chosen = self._objectives(objectives, space)
        values, rows = self._values(chosen, where, space)
        front = np.flatnonzero(pareto_mask(values, chosen))
        order = np.argsort(values[front, 0], kind="stable")
        return rows[front[order[::-1] if chosen[0].maximise else order]]

    def hypervolume(
        self,
        objectives: Sequence[str],
        reference: Sequence[float],
        where: str | None = None,
        space: Space = None,
    ) -> float:
        """Returns the volume that the rows dominate, bounded by the reference point.

        Args:
            objectives: Columns.
            reference: The worst corner, one value per objective.
            where: Condition on the rows.
            space: Space of the rows.

        Raises:
            ConfigurationError: As `front`, or the reference has not one value per objective.
        """
        chosen = self._objectives(objectives, space)
        corner = np.asarray(reference)
        if corner.shape != (len(chosen),) or not _are_finite(corner):
            raise ConfigurationError(
                f"reference {str(reference)[:80]}: {len(chosen)} finite values are expected, one "
                "per objective"
            )
        front = self.front(objectives, where, space)
        values = np.stack([self.column(o.name, space)[front] for o in chosen], axis=1)
        return hypervolume(values, chosen, corner.astype(np.float64))

    def sample(
        self, n: int, rng: np.random.Generator | int, where: str | None = None, space: Space = None
    ) -> RowNumbers:
        """Draws n distinct rows, in order; all of them if there are fewer.

        Args:
            n: How many.
            rng: Draws them, or its seed.
            where: Condition that they meet.
            space: Space, if the table has several.

        Raises:
            ConfigurationError: n is below 1, a bad condition, or no seed.
        """
        check_whole("n", n, 1)
        rows = self.where(where, space)
        return rows[np.sort(seeded(rng).choice(len(rows), min(n, len(rows)), replace=False))]

    def batches(
        self, columns: Sequence[str], size: int = 65_536, space: Space = None
    ) -> Iterator[tuple[Genotypes, dict[str, Floats]]]:
        """Yields genotypes, (size, n_genes), and columns, each (size,), through the whole table.

        A compacted table is read batch by batch, and may be larger than memory.
        """
        rows, names = self._rows(space), self._columns_named(columns, space)
        check_whole("size", size, 1)
        return (rows.slab(names, batch) for batch in slices(len(rows), size))

    def to_pandas(self, space: Space = None, rows: RowNumbers | None = None) -> "pd.DataFrame":
        """Returns a frame with `arch_id` as its index and all columns, or some of its rows.

        `evonas.table.append_pandas` is the way back.
        """
        import pandas as pd

        name = self.only_space(space)
        chosen = slice(None) if rows is None else rows
        arch_ids = load_space(name).arch_ids(self.genotypes(name)[chosen])
        columns = {column: self.column(column, name)[chosen] for column in self.columns(name)}
        frame = pd.DataFrame(columns, index=pd.Index(arch_ids, name="arch_id"))
        frame.attrs["provenance"] = {c: dict(self.provenance(c, name)) for c in columns}
        return frame

    # --- as a whole -----------------------------------------------------------------------

    def info(self) -> dict[str, Any]:
        """Returns the data card: rows, spaces, columns with unit, direction, source, filling."""
        return {
            "path": str(self.path),
            "rows": len(self),
            "spaces": {space: self.count(space) for space in self.spaces},
            "fingerprints": {space: self.fingerprint(space) for space in self.spaces},
            "parts": self.n_parts,
            "columns": [
                column_card(name, space, self.provenance(name, space), self.column(name, space))
                for space in self.spaces
                for name in self.columns(space)
            ],
            "card": dict(self.card),
            "checksum": self.checksum(),
            "sha256": file_sha256(self.path) if self.path.is_file() else None,
        }

    def checksum(self) -> str:
        """Returns a hash of all rows and values, the same however they are split into parts."""
        return content_checksum(self._spaces)

    # --- inside ---------------------------------------------------------------------------

    def _objectives(self, names: Sequence[str], space: Space) -> list[Objective]:
        """Returns one objective or more, by name."""
        listed = name_list(names)
        if not listed:
            raise ConfigurationError("no objectives: at least one column is expected")
        if len(set(listed)) < len(listed):
            raise ConfigurationError(f"objectives {listed}: each may stand once")
        return [self.objective(name, space) for name in listed]

    def _values(
        self, objectives: Sequence[Objective], where: str | None, space: Space
    ) -> tuple[Floats, RowNumbers]:
        """The rows that meet a condition, and their (n, n_objectives) values."""
        rows = self.where(where, space)
        values = np.empty((len(rows), len(objectives)))
        for i, objective in enumerate(objectives):
            column = self.column(objective.name, space)
            values[:, i] = column if where is None else column[rows]
        return values, rows


def _are_finite(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "fiu" and bool(np.isfinite(values).all())


def create_table(path: Path | str) -> BenchmarkTable:
    """Makes an empty table, a folder, and opens it.

    Raises:
        ConfigurationError: It would hide a shipped table.
        DataError: Something is there already, or the place cannot be written.
    """
    path = Path(path)
    check_new_table(path)
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        raise DataError(f"{path}: exists already") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be made: {error.strerror}") from error
    return BenchmarkTable(path)


def open_table(path: Path | str) -> BenchmarkTable:
    """Opens a table: a folder of parts, or a single HDF5 file (for queries only).

    Args:
        path: Where it lies, or the name of a shipped one; see `shipped_tables`.

    Raises:
        SchemaError: It is not there, damaged, or of a newer schema.

    >>> len(open_table("pico-v3"))
    16000
    """
    place = Path(path)
    if not place.exists():
        shipped = shipped_tables()
        if str(path) not in shipped:
            raise SchemaError(f"{path}: no such table; shipped are {', '.join(shipped) or 'none'}")
        place = shipped[str(path)]
    elif not (place.is_file() or place.is_dir()):
        raise SchemaError(f"{path}: no table; a folder of parts or an .h5 file is required")
    try:
        return BenchmarkTable(place)
    except NewerSchemaError:
        raise
    except SchemaError as error:
        if place.is_file():
            raise
        raise SchemaError(
            f"{error}; to move such parts aside: evonas table repair {place}"
        ) from error


def open_or_create(path: Path | str) -> BenchmarkTable:
    """Opens a table to be written; one that is not there is made by the first rows it gets.

    Raises:
        ConfigurationError: A new one would hide a shipped table.
        SchemaError: What is there is damaged, or of a newer schema.
    """
    path = Path(path)
    check_new_table(path)
    return open_table(path) if path.exists() else BenchmarkTable(path)


def check_new_table(path: Path) -> None:
    """Refuses a new table that would hide a shipped one, whose name it has.

    Raises:
        ConfigurationError: It would.
    """
    if not path.exists() and str(path) in shipped_tables():
        raise ConfigurationError(
            f"{path}: is a shipped table, which is only read; name a place of your own, such as "
            f"runs/{path}"
        )


def shipped_tables() -> dict[str, Path]:
    """Returns the tables that come with evonas, by name: scored ones first, then trained ones."""
    folders = (shipped_data() / "tables", shipped_data() / "truth")
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.h5"))}


def write_table(
    path: Path | str, table: BenchmarkTable, card: Mapping[str, str] | None = None
) -> None:
    """Writes a table as a single file, with the table's own card or another.

    Raises:
        DataError: The place cannot be written.
    """
    chosen: Card = table.card if card is None else card
    write_part(Path(path), table.merged(), chosen)
