"""`TableStore`: a table on disk, a folder of immutable parts or a single file.

Every `append` writes one new part, so a reader sees a batch whole or not at all. Writers take turns
only to give their parts a name, once these are on disk; the lock ends with its process. A column of
a space has one provenance: scores of another supernet or data set go into another table, or into a
column with a label (`map@street`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from numpy.typing import ArrayLike

from evonas.errors import ConfigurationError, DataError, SchemaError, unknown_name
from evonas.space import Genotypes, SearchSpace
from evonas.table.doors import check_rows, number_column, once
from evonas.table.folder import TableFolder
from evonas.table.part import Card, Provenance, Rows, write_part
from evonas.table.provenance import differing_key, united
from evonas.table.rows import SpaceRows
from evonas.table.untrusted import check_seals, read_part

_TRIES = 100
# By space: the fingerprint of its definition, and the provenance of each of its columns.
Known = dict[str, tuple[str, dict[str, Provenance]]]


class ConflictError(SchemaError):
    """Rows that contradict those there are: another definition of the space or provenance."""


class TableStore:
    """What is on disk, as it was at the last `refresh`: what others write shows after the next.

    Args:
        path: A folder or a file; what is not there yet becomes a folder with the first rows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.card: Card = {}
        self._spaces: dict[str, SpaceRows] = {}
        self._read: dict[Path, list[Rows]] = {}
        self._folder: TableFolder | None = None
        self.refresh()

    def refresh(self) -> None:
        """Reads the parts that others have written since.

        Raises:
            SchemaError: The table is gone, or a part is damaged, of a newer schema, of another
                definition of a space, or of another provenance.
        """
        is_file = self.path.is_file()
        if not is_file and not (self._folder and self._folder.is_still_there()):
            if not self._folder and not self.path.exists():
                return
            self._folder = TableFolder(self.path)
            self._forget()
        for _ in range(_TRIES):
            files = [self.path] if is_file or not self._folder else self._folder.parts()
            if not self._read.keys() <= set(files):  # compacted by another process
                self._forget()
            if self._read_all([file for file in files if file not in self._read]):
                return
        raise SchemaError(f"{self.path}: its parts vanish faster than they can be read")

    def _forget(self) -> None:
        self._spaces, self._read = {}, {}

    def _read_all(self, files: Sequence[Path]) -> bool:
        """Reads parts; False if one was compacted away since it was listed."""
        new = {}
        for file in files:
            try:
                spaces, card = read_part(file)
            except SchemaError:
                if file.exists():
                    raise
                return False
            self.card = self.card or card
            new[file] = spaces
        self._add(new)
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
        name = space.name if isinstance(space, SearchSpace) else space
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
            columns: Values by column name; see `evonas.table.domains` for what they may be.
            provenance: What the values depend on, with their `source`; for a quantity that evonas
                does not know also `unit` and `direction` (`min` or `max`).

        Raises:
            DataError: The table cannot be written; a value that its column may not hold; or two
                values of one genotype.
            SchemaError: The table has the column with another provenance, or another folder has
                taken its place.
            GenotypeError: A genotype is out of range.
        """
        if not isinstance(space, SearchSpace):
            raise ConfigurationError(f"space {repr(space)[:80]}: a SearchSpace is expected")
        for name, given in (("columns", columns), ("provenance", provenance)):
            if not isinstance(given, Mapping):
                raise ConfigurationError(f"{name} {repr(given)[:80]}: a dict by name is expected")
        values = {name: number_column(name, entries) for name, entries in columns.items()}
        texts = {str(key): str(entry) for key, entry in provenance.items()}
        known = {name: texts for name in columns}
        self.append_rows([once(space, genotypes, values, known, str(self.path))])

    def append_rows(
        self, spaces: Sequence[Rows], card: Card | None = None, where: str | None = None
    ) -> None:
        """Adds rows of one or more spaces, all or none; see `append`.

        Args:
            spaces: The rows.
            card: The table's, if it has none.
            where: What messages call the place that the rows are from.
        """
        where = where or str(self.path)
        for rows in spaces:
            check_rows(rows, where)
        if self._folder:
            self._follow()
        self._check(spaces, where)
        filled = [rows for rows in spaces if rows.n]
        if not filled:
            return
        if self.path.is_file():
            raise DataError(
                f"{self.path}: a single-file table is not appended to; merge it into a folder "
                "first: evonas table merge"
            )
        if not self._folder:
            self._folder = TableFolder.made(self.path)
        self._write(filled, card, where)

    def _check(self, spaces: Sequence[Rows], where: str) -> None:
        known = self._known()
        for rows in spaces:
            check_against(rows, where, known)

    def _follow(self) -> None:
        """Refreshes before something is written."""
        assert self._folder
        if not self._folder.is_still_there():
            raise ConflictError(
                f"{self.path}: it was removed or replaced while it was open; nothing is written "
                "into another table than the one that was opened"
            )
        self.refresh()

    def _write(self, spaces: Sequence[Rows], card: Card | None, where: str) -> None:
        """Writes a part; one that contradicts what others have written meanwhile never shows."""
        folder, path = self._folder, self.path
        assert folder

        @contextmanager
        def place() -> Iterator[Path]:
            nonlocal path
            with folder.turn():
                self._follow()
                self._check(spaces, where)
                path = folder.next_part()
                yield path

        write_part(folder.path / "part", spaces, card, place)
        self.card = self.card or card or {}
        try:
            self._add({path: list(spaces)})
            self._follow()
        except ConflictError as error:  # of a file system without locks
            path.unlink(missing_ok=True)
            self._forget()
            raise ConflictError(f"{error}; nothing was written") from error

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
        if not self._folder:
            return
        self._folder.remove_abandoned()
        files = self._files()
        if not files or (len(files) == 1 and all(r.distinct for r in self._spaces.values())):
            return
        write_part(files[-1], self.merged(), self.card)
        for file in files[:-1]:
            file.unlink(missing_ok=True)
        self._forget()
        self.refresh()

    # --- inside ---------------------------------------------------------------------------

    def _files(self) -> list[Path]:
        """What was read, oldest first."""
        return sorted(self._read, key=lambda file: file.stem)

    def _add(self, new: Mapping[Path, list[Rows]]) -> None:
        known = self._known()
        for file, spaces in new.items():
            for rows in spaces:
                check_against(rows, str(file), known)
                learn(known, rows)
        self._read.update(new)
        files = self._files()
        for name in {rows.space for spaces in new.values() for rows in spaces}:
            parts = [rows for file in files for rows in self._read[file] if rows.space == name]
            self._spaces[name] = SpaceRows(tuple(parts))

    def _known(self) -> Known:
        return {
            name: (rows.fingerprint, dict(rows.provenance)) for name, rows in self._spaces.items()
        }

    def _rows(self, space: SearchSpace | str | None) -> SpaceRows:
        return self._spaces[self.only_space(space)]


def learn(known: Known, rows: Rows) -> None:
    """Adds what rows say of their space and columns to what is known."""
    _, columns = known.setdefault(rows.space, (rows.fingerprint, {}))
    for name, theirs in rows.provenance.items():
        columns[name] = united(columns[name], theirs) if name in columns else theirs


def check_against(rows: Rows, where: str, known: Known) -> None:
    """Refuses rows that contradict what is known.

    Args:
        rows: The rows.
        where: What messages call the place that they are from.
        known: By space.

    Raises:
        ConflictError: They are of another definition of their space or of another provenance.
    """
    if rows.space not in known:
        return
    fingerprint, columns = known[rows.space]
    if fingerprint != rows.fingerprint:
        raise ConflictError(f"{where}: rows of another definition of the space {rows.space!r}")
    for name in sorted(rows.provenance.keys() & columns.keys()):
        ours, theirs = columns[name], rows.provenance[name]
        key = differing_key(ours, theirs)
        if key is not None:
            raise ConflictError(
                f"{where}: column {name!r} has {key} {ours.get(key)!r}, the new values "
                f"{theirs.get(key)!r}; keep them in another table, or in a column with a label "
                f"({name}@LABEL)"
            )
