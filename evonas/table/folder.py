"""The folder of a table: its parts, their order, and whose turn it is to add one.

A part's name begins with a number that is one more than that of the newest part there is, and is
given by one writer at a time: the order of parts does not depend on any clock, and what `compact`
has not seen is later than all that it has.
"""

import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evonas.errors import DataError, SchemaError

WITHDRAWN = "withdrawn"
_TRIES = 100
_ABANDONED_SECONDS = 86_400
_NUMBER = re.compile(r"part-([0-9]{20})-")
_PATIENCE, _PAUSE = 120.0, 0.01  # seconds for a turn, and between attempts


class TableFolder:
    """A folder that is open: another one that takes its place is told from it.

    Args:
        path: The folder.

    Raises:
        SchemaError: It cannot be opened, or what it holds is not of a table.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Held open, so that no other folder can have its number meanwhile.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise SchemaError(f"{path}: no folder of a table ({error.strerror})") from error
        if not self._names():
            self._refuse_others()

    def __del__(self) -> None:
        """Closes it."""
        with suppress(AttributeError, OSError):
            os.close(self._descriptor)

    @classmethod
    def made(cls, path: Path) -> "TableFolder":
        """Returns a folder, made if it is not there.

        Raises:
            DataError: It cannot be made.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{path}: cannot be made: {error.strerror}") from error
        return cls(path)

    def is_still_there(self) -> bool:
        """Returns whether the path still leads to the folder that was opened."""
        ours = os.fstat(self._descriptor)
        try:
            theirs = os.stat(self.path)
        except OSError:
            return False
        return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)

    def parts(self) -> list[Path]:
        """Returns the parts, oldest first.

        While a folder is listed, `compact` may put a new part where the listing has been and
        remove old ones where it has not; so it is listed again until nothing has vanished.

        Raises:
            SchemaError: The folder is gone, or its parts vanish all the time.
        """
        listed: set[str] = set()
        for _ in range(_TRIES):
            again = self._names()
            if listed and listed <= again:
                return [self.path / name for name in sorted(again, key=_order)]
            if not listed and not again:
                return []
            listed = again
        raise SchemaError(f"{self.path}: its parts vanish faster than they can be listed")

    def _names(self) -> set[str]:
        try:
            names = os.listdir(self.path)
        except OSError as error:
            raise SchemaError(f"{self.path}: cannot be listed: {error.strerror}") from error
        return {name for name in names if name.startswith("part-") and name.endswith(".h5")}

    def _refuse_others(self) -> None:
        """Refuses a folder without parts that is not empty: no row belongs among its files."""
        others = (name for name in os.listdir(self._descriptor) if not name.startswith("."))
        other = min((name for name in others if name != WITHDRAWN), default=None)
        if other is not None:
            raise SchemaError(
                f"{self.path}: no folder of a table: it holds {other!r} and no part-*.h5; name "
                "the table's own folder, or a new one"
            )

    def next_part(self) -> Path:
        """Returns a name for a part that is newer than all there are."""
        numbers = [int(found[1]) for name in self._names() if (found := _NUMBER.match(name))]
        number = max(numbers, default=0) + 1
        if number >= 10**20:
            raise SchemaError(f"{self.path}: its newest part has the last number; compact a copy")
        return self.path / f"part-{number:020d}-{os.getpid()}-{secrets.token_hex(4)}.h5"

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Gives the block to one process at a time.

        Where the file system has no locks, it only goes on.

        Raises:
            DataError: Another process does not end its turn.
        """
        # A descriptor of its own, as forked processes share those that they inherit.
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._descriptor)
        try:
            self._wait_for(descriptor)
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def _wait_for(self, descriptor: int) -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(_PAUSE)
            except OSError:
                return
        raise DataError(
            f"{self.path}: another process has been naming its part for {_PATIENCE:.0f} s; "
            "is it stopped?"
        )

    def remove_abandoned(self) -> None:
        """Removes what writers that were killed more than a day ago left half."""
        for partial in self.path.glob(".*.partial"):
            with suppress(FileNotFoundError):  # its writer has just finished
                if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
                    partial.unlink()

    def withdraw(self, part: Path, reason: str) -> None:
        """Moves a part into the folder `withdrawn`, with the reason in `reasons.txt` there."""
        place = self.path / WITHDRAWN
        try:
            place.mkdir(exist_ok=True)
            with open(place / "reasons.txt", "a", encoding="utf-8") as file:
                file.write(f"{part.name}: {' '.join(reason.split())}\n")
            os.replace(part, place / part.name)
        except OSError as error:
            raise DataError(f"{part}: cannot be moved: {error.strerror or error}") from error


def _order(name: str) -> str:
    return name.removesuffix(".h5")
