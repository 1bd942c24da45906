"""`TableStore`: a table on disk, a folder of immutable parts or a single file.

Every `append` writes one new part, so writers need no lock and a reader sees a batch whole or
not at all. A column of a space has one provenance: scores of another supernet or data set go
into another table, or into a column with a label (`map@street`).
"""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from evonas.errors import ConfigurationError, DataError, SchemaError, unknown_name
from evonas.space import Genotypes, SearchSpace
from evonas.table.columns import check_name
from evonas.table.part import Card, Provenance, Rows, in_memory, write_part
from evonas.table.rows import SpaceRows
from evonas.table.untrusted import check_seals, read_part

_TRIES = 100
_ABANDONED_SECONDS = 86_400


class TableStore:
    """What is on disk, as it was at the last `refresh`: what others write shows after the next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.card: Card = {}
        self._spaces: dict[str, SpaceRows] = {}
        self._read: set[Path] = set()
        self.refresh()

    def refresh(self) -> None:
        """Reads the parts that others have written since.

        Raises:
            SchemaError: A part is damaged, of a newer schema, or of another definition of a space.
        """
        for _ in range(_TRIES):
            files = [self.path] if self.path.is_file() else _parts(self.path)
            if not self._read <= set(files):  # compacted by another process
                self._spaces, self._read = {}, set()
            if self._read_all([file for file in files if file not in self._read]):
                return
        raise SchemaError(f"{self.path}: its parts vanish faster than they can be read")

    def _read_all(self, files: Sequence[Path]) -> bool:
        """Reads parts; False if one was compacted away since it was listed."""
        new = []
        for file in files:
            try:
                spaces, card = read_part(file)
            except SchemaError:
                if file.exists():
                    raise
                return False
            self.card = self.card or card
            new += [(rows, file) for rows in spaces]
        self._add(new)
        self._read.update(files)
        return True

    @property
    def spaces(self) -> list[str]:
        """Names of the spaces that have rows."""
        return list(self._spaces)

    def only_space(self, space: SearchSpace | str | None = None) -> str:
        """Returns the name of a space that has rows: the one named, or the only one there is.

        Raises:
            ConfigurationError: There is no such one, or several and none is named.
        """
        if space is None and len(self._spaces) == 1:
            return next(iter(self._spaces))
        if space is None:
            raise ConfigurationError(
                f"{self.path}: has rows of {', '.join(self._spaces) or 'no space'}; name one"
            )
        name = space if isinstance(space, str) else space.name
        if name not in self._spaces:
            raise unknown_name(f"space in {self.path}", name, self._spaces)
        return name

    @property
    def n_parts(self) -> int:
        """Number of files that the rows stand in."""
        return len(self._read)

    def damaged_parts(self) -> list[str]:
        """Returns the names of files whose content is not what was written; reads all of them."""
        return check_seals(sorted(file for file in self._read if file.exists()))

    def __len__(self) -> int:
        return sum(map(len, self._spaces.values()))

    def append(
        self,
        space: SearchSpace,
        genotypes: Genotypes,
        columns: Mapping[str, ArrayLike],
        *,
        provenance: Provenance,
    ) -> None:
        """Adds values, each (n,), of canonical genotypes; when it returns they survive a crash.

        With no genotypes it writes nothing: it only finds out whether such values are taken, before
        the work that they cost.

        Args:
            space: The genotypes' space.
            genotypes: (n, n_genes).
            columns: Values by column name.
            provenance: What the values depend on, with their `source`; for a quantity that evonas
                does not know also `unit` and `direction` (`min` or `max`).

        Raises:
            DataError: The table cannot be written, or has the column with another provenance.
            GenotypeError: A genotype is out of range.
        """
        genotypes = space.check(genotypes).copy()
        values = {name: np.array(given, np.float64) for name, given in columns.items()}
        texts = {key: str(entry) for key, entry in provenance.items()}
        known = {name: texts for name in columns}
        self.append_rows([in_memory(space.name, space.fingerprint, genotypes, values, known)])

    def append_rows(self, spaces: Sequence[Rows], card: Card | None = None) -> None:
        """Adds rows of one or more spaces, all or none; see `append`."""
        if self.path.is_file():
            raise DataError(
                f"{self.path}: a single-file table is not appended to; merge it into a folder "
                "first: evonas table merge"
            )
        for rows in spaces:
            for name in rows.columns:
                check_name(name)
            if rows.space in self._spaces:
                _check(rows, self.path, *self._known(rows.space))
        spaces = [rows for rows in spaces if rows.n]
        if not spaces:
            return
        path = self.path / f"part-{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}.h5"
        write_part(path, spaces, card)
        self.card = self.card or card or {}
        self._add([(rows, path) for rows in spaces])
        self._read.add(path)

    def merged(self) -> list[Rows]:
        """Returns all rows, each genotype once, as they would stand in a single part."""
        return [rows.merged() for rows in self._spaces.values()]

    def compact(self) -> None:
        """Merges the parts of a folder into one; other processes may read and append meanwhile.

        The new part takes the place of the last one that it holds, so parts that are written
        meanwhile stay later than it; a crash leaves the same rows twice, which is harmless. What
        writers that were killed more than a day ago left half is removed.
        """
        self.refresh()
        if self.path.is_file():
            return
        _remove_abandoned(self.path)
        files = sorted(self._read, key=_age)
        if not files or (len(files) == 1 and all(r.distinct for r in self._spaces.values())):
            return
        write_part(files[-1].with_name(f"{files[-1].stem}.c.h5"), self.merged(), self.card)
        for file in files:
            file.unlink(missing_ok=True)
        self.refresh()

    # --- inside ---------------------------------------------------------------------------

    def _add(self, new: Sequence[tuple[Rows, Path]]) -> None:
        known = {name: self._known(name) for name in self._spaces}
        parts: dict[str, list[Rows]] = {}
        for rows, file in new:
            _check(rows, file, *known.setdefault(rows.space, (rows.fingerprint, {})))
            known[rows.space][1].update(rows.provenance)
            parts.setdefault(rows.space, []).append(rows)
        for name, further in parts.items():
            before = self._spaces[name].parts if name in self._spaces else ()
            self._spaces[name] = SpaceRows((*before, *further))

    def _known(self, space: str) -> tuple[str, dict[str, Provenance]]:
        """The fingerprint of a space's rows, and the provenance of each of its columns."""
        rows = self._spaces[space]
        return rows.fingerprint, dict(rows.provenance)

    def _rows(self, space: SearchSpace | str | None) -> SpaceRows:
        return self._spaces[self.only_space(space)]


def _check(rows: Rows, file: Path, fingerprint: str, known: Mapping[str, Provenance]) -> None:
    """Refuses rows of another definition of the space or of another provenance."""
    if fingerprint != rows.fingerprint:
        raise SchemaError(f"{file}: rows of another definition of the space {rows.space!r}")
    for name in rows.provenance.keys() & known.keys():
        ours, theirs = known[name], rows.provenance[name]
        if dict(ours) != dict(theirs):
            key = differing_key(ours, theirs)
            raise DataError(
                f"{file}: column {name!r} has {key} {ours.get(key)!r}, the new values "
                f"{theirs.get(key)!r}; keep them in another table, or in a column with a label "
                f"({name}@LABEL)"
            )


def differing_key(ours: Provenance, theirs: Provenance) -> str:
    """Returns the first key in which two provenances differ."""
    return min(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))


def _remove_abandoned(folder: Path) -> None:
    for partial in folder.glob(".*.partial"):
        with suppress(FileNotFoundError):  # its writer has just finished
            if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
                partial.unlink()


def _parts(folder: Path) -> list[Path]:
    """A folder's parts, oldest first.

    While a folder is listed, `compact` may put a new part where the listing has been and remove
    old ones where it has not; so the folder is listed again until nothing has vanished.
    """
    listed: set[Path] = set()
    for _ in range(_TRIES):
        again = set(folder.glob("part-*.h5"))
        if listed and listed <= again:
            return sorted(again, key=_age)
        if not listed and not again:
            return []
        listed = again
    raise SchemaError(f"{folder}: its parts vanish faster than they can be listed")


def _age(path: Path) -> str:
    return path.stem  # begins with the time of writing
