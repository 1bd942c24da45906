"""`SpaceRows`: the rows of one space over all parts of a table, each genotype once."""

from collections.abc import Callable, Iterator
from functools import cached_property, partial

import numpy as np

from evonas.errors import SchemaError
from evonas.space import Genotypes
from evonas.table.index import GenotypeIndex
from evonas.table.part import ALL, Floats, Provenance, Rows
from evonas.table.provenance import united


class SpaceRows:
    """Rows of parts, oldest first, and what was read of them so far.

    Of several values of one genotype the latest stays, and a missing one never replaces another.
    What is read is kept: genotypes with their index (about 32 bytes a row in all), and each column
    that was asked for (8 bytes a row).
    """

    def __init__(self, parts: tuple[Rows, ...]) -> None:
        self.parts = parts
        self.provenance: dict[str, Provenance] = {}
        for part in parts:
            for name, provenance in part.provenance.items():
                known = self.provenance.get(name)
                self.provenance[name] = united(known, provenance) if known else provenance
        self._columns: dict[str, Floats] = {}
        self._derived: dict[str, Floats] = {}

    @property
    def fingerprint(self) -> str:
        """Of the definition of the space."""
        return self.parts[0].fingerprint

    @property
    def distinct(self) -> bool:
        """Whether the rows stand in a single part, each genotype once."""
        return len(self.parts) == 1 and self.parts[0].distinct

    def __len__(self) -> int:
        return self.parts[0].n if self.distinct else len(self.index)

    @cached_property
    def index(self) -> GenotypeIndex:
        """The rows by genotype.

        Raises:
            SchemaError: Parts whose genotypes differ in length, or a part that has genotypes
                twice and says that it has not.
        """
        given = [part.genotypes(ALL) for part in self.parts]
        if len({genotypes.shape[1] for genotypes in given}) > 1:
            raise SchemaError(f"genotypes of {self.parts[0].space!r} differ in length")
        index = GenotypeIndex(given[0] if len(given) == 1 else np.concatenate(given))
        if self.distinct and index.row is not None:
            raise SchemaError(f"rows of {self.parts[0].space!r}: a genotype stands more than once")
        self.__dict__.pop("_genotypes", None)
        return index

    @property
    def genotypes(self) -> Genotypes:
        """(n, n_genes), each once, read-only."""
        if self.distinct and "index" not in self.__dict__:
            return self._genotypes
        return self.index.genotypes

    @cached_property
    def _genotypes(self) -> Genotypes:
        genotypes: Genotypes = self.parts[0].genotypes(ALL)
        genotypes.flags.writeable = False
        return genotypes

    def column(self, name: str) -> Floats:
        """Returns (n,) values, read-only."""
        return self.padded(name)[:-1]

    def padded(self, name: str) -> Floats:
        """Returns (n + 1,) values, the last one NaN: what row -1 has."""
        if name not in self._columns:
            values = np.full(len(self) + 1, np.nan)
            self._fill(name, values)
            values.flags.writeable = False
            self._columns[name] = values
        return self._columns[name]

    def derived(self, name: str, compute: Callable[[Genotypes], Floats]) -> Floats:
        """Returns (n + 1,) values like `padded`, of a column that follows from the genotypes."""
        if name not in self._derived:
            values = np.append(compute(self.genotypes), np.nan)
            values.flags.writeable = False
            self._derived[name] = values
        return self._derived[name]

    def _fill(self, name: str, values: Floats) -> None:
        if self.distinct:
            values[:-1] = self.parts[0].columns[name](ALL)
            return
        row, start = self.index.row, 0
        for part in self.parts:
            end = start + part.n
            if name in part.columns:
                given = part.columns[name](ALL)
                filled = ~np.isnan(given)
                here = np.arange(start, end) if row is None else row[start:end]
                values[here[filled]] = given[filled]
            start = end

    def slab(self, names: list[str], rows: slice) -> tuple[Genotypes, dict[str, Floats]]:
        """Returns genotypes and columns of a slice of rows; a single part keeps nothing of them."""
        if not self.distinct:
            return self.genotypes[rows], {name: self.column(name)[rows] for name in names}
        [part] = self.parts
        return part.genotypes(rows), {name: part.columns[name](rows) for name in names}

    def merged(self) -> Rows:
        """Returns the rows as a single part, read as it is written."""
        merging: dict[str, Floats] = {}  # the column that is being written, and no other

        def read(name: str, rows: slice) -> Floats:
            if self.distinct:
                values: Floats = self.parts[0].columns[name](rows)
                return values
            if name not in merging:
                merging.clear()
                merging[name] = np.full(len(self) + 1, np.nan)
                self._fill(name, merging[name])
            return merging[name][:-1][rows]

        names = list(self.provenance)
        genotypes = self.parts[0].genotypes if self.distinct else self.genotypes.__getitem__
        return Rows(
            self.parts[0].space,
            self.fingerprint,
            len(self),
            True,
            genotypes,
            {name: partial(read, name) for name in names},
            self.provenance,
        )


def slices(n: int, size: int) -> Iterator[slice]:
    """Yields slices of at most `size` that cover n rows."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))
