"""`ColumnTable`: the columns of a table, whole or for given architectures."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import ConfigurationError, GenotypeError, unknown_name
from evonas.objectives import Objective, name_list
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.space.memory import MEMORY
from evonas.table.arch_ids import genotypes_of
from evonas.table.columns import column_objective, curve_steps
from evonas.table.part import Floats, Provenance
from evonas.table.store import TableStore

RowNumbers = NDArray[np.intp]
Space = SearchSpace | str | None
_COMPUTED: Mapping[str, str] = {"source": "analytic"}


class ColumnTable(TableStore):
    """A stored table whose columns are read when asked for, and kept.

    Where a table has rows of several spaces, each query names the one that it is about.
    """

    def columns(self, space: Space = None) -> list[str]:
        """Returns the names of a space's columns."""
        return list(self._rows(space).provenance)

    def column(self, name: str, space: Space = None) -> Floats:
        """Returns a column, (n,), NaN where missing, in the order of `genotypes`; read-only.

        What networks ask of memory, `MEMORY`, is computed where the table does not hold it.

        Raises:
            ConfigurationError: The table has no such column.
        """
        return self._padded(name, space)[:-1]

    def genotypes(self, space: Space = None) -> Genotypes:
        """Returns all genotypes of a space, (n, n_genes), each once; read-only."""
        return self._rows(space).genotypes

    def count(self, space: Space = None) -> int:
        """Returns the number of a space's rows."""
        return len(self._rows(space))

    def fingerprint(self, space: Space = None) -> str:
        """Returns the fingerprint of the definition for which a space's rows were written."""
        return self._rows(space).fingerprint

    def provenance(self, column: str, space: Space = None) -> Provenance:
        """Returns what a column's values depend on; empty for an unknown column."""
        return self._rows(space).provenance.get(column, _COMPUTED if column in MEMORY else {})

    def objective(self, column: str, space: Space = None) -> Objective:
        """Returns a column as an objective, with its unit and direction.

        Raises:
            ConfigurationError: The table has no such column, or its direction is not known.
        """
        [column] = self._columns_named([column], space)
        objective = column_objective(column, self.provenance(column, space))
        if objective is None:
            raise ConfigurationError(
                f"column {column!r} is not an objective: neither its name nor its provenance says "
                "whether it is to be minimised or maximised"
            )
        return objective

    def find(self, architectures: Genotypes | Sequence[str], space: Space = None) -> RowNumbers:
        """Returns (k,) rows of architectures, -1 for those that the table does not have.

        Args:
            architectures: Canonical genotypes (k, n_genes), or k `arch_id`s.
            space: Their space.

        Raises:
            GenotypeError: They are not of the space.
        """
        index = self._rows(space).index
        if _are_numbers(architectures):
            architectures = load_space(self.only_space(space)).check(architectures)
        if not isinstance(architectures, np.ndarray):
            return self._find_ids(architectures, space)
        n_genes = index.genotypes.shape[1]
        if architectures.shape[1:] != (n_genes,):
            raise GenotypeError(
                f"genotypes of shape {architectures.shape}: the table's are (n, {n_genes})"
            )
        if architectures.dtype != np.uint8:
            architectures = load_space(self.only_space(space)).check(architectures)
        return index.find(architectures)

    def _find_ids(self, arch_ids: Sequence[str], space: Space) -> RowNumbers:
        home, index = load_space(self.only_space(space)), self._rows(space).index
        genotypes = genotypes_of(home, arch_ids)
        rows = index.find(genotypes)
        if len(rows) and rows.min() < 0:  # may be spelled otherwise than in canonical form
            missing = np.flatnonzero(rows < 0)
            rows[missing] = index.find(home.canonical(genotypes[missing]))
        return rows

    def lookup(
        self, architectures: Genotypes | Sequence[str], columns: Sequence[str], space: Space = None
    ) -> dict[str, Floats]:
        """Returns each column's values, (k,), of architectures; see `find`.

        What the table does not have of an architecture is NaN.

        Raises:
            ConfigurationError: The table has no such space or column.
            GenotypeError: The architectures are not of the space.
        """
        names = self._columns_named(columns, space)
        rows = self.find(architectures, space)
        return {name: self._padded(name, space).take(rows) for name in names}

    def known(
        self, architectures: Genotypes | Sequence[str], columns: Sequence[str], space: Space = None
    ) -> dict[str, Floats]:
        """Returns what is stored: as `lookup`, and NaN for columns and spaces that are not."""
        if space is not None and self._has_not(space):
            return {name: np.full(len(architectures), np.nan) for name in columns}
        table, rows = self._rows(space), self.find(architectures, space)
        known = table.provenance
        return {
            name: table.padded(name).take(rows) if name in known else np.full(len(rows), np.nan)
            for name in columns
        }

    def curve(
        self, column: str, architectures: Genotypes | Sequence[str], space: Space = None
    ) -> tuple[list[int], Floats]:
        """Returns a training curve's steps and its values, (k, n_steps), NaN where missing."""
        steps = curve_steps(self.columns(space), column)
        found = self.lookup(architectures, [f"{column}#{step}" for step in steps], space)
        return steps, np.stack(list(found.values()), axis=1) if steps else np.empty(
            (len(architectures), 0)
        )

    def _columns_named(self, columns: Sequence[str], space: Space) -> list[str]:
        """Returns the names of columns that there are."""
        names = name_list(columns)
        known = self._rows(space).provenance
        for name in names:
            if name not in known and name not in MEMORY:
                raise unknown_name("column", name, [*known, *MEMORY])
        return names

    def _padded(self, name: str, space: Space) -> Floats:
        """Returns (n + 1,) values of a column, the last one NaN."""
        [name] = self._columns_named([name], space)
        rows = self._rows(space)
        if name in rows.provenance:
            return rows.padded(name)
        return rows.derived(name, partial(MEMORY[name], load_space(self.only_space(space))))

    def _has_not(self, space: SearchSpace | str) -> bool:
        return (space if isinstance(space, str) else space.name) not in self._spaces


def _are_numbers(architectures: Any) -> bool:
    """Whether genotypes came as lists of numbers."""
    return (
        isinstance(architectures, list | tuple)
        and bool(architectures)
        and isinstance(architectures[0], list | tuple)
    )
