"""What the pages ask of a table."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from evonas.arrays import Floats
from evonas.space import Genotypes


class Columns(Protocol):
    """A table of n rows per space, with columns of (n,) values."""

    def columns(self, space: str) -> list[str]:
        """Returns the names of a space's columns."""

    def column(self, name: str, space: str) -> Floats:
        """Returns (n,) values, NaN where missing."""

    def genotypes(self, space: str) -> Genotypes:
        """Returns (n, n_genes)."""

    def provenance(self, column: str, space: str) -> Mapping[str, str]:
        """Returns what a column's values depend on."""

    def lookup(
        self, architectures: Genotypes, columns: Sequence[str], space: str
    ) -> dict[str, Floats]:
        """Returns each column's values, (k,), of architectures, (k, n_genes)."""
