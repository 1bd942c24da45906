"""The records of one list of a COCO file, as columns that are checked as they are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import DataError
from evonas.limits import printable

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Records:
    """The images, categories or annotations of a file. Every message names file and record."""

    path: Path
    kind: str
    rows: Sequence[Any]

    def refuse(self, bad: NDArray[np.bool_], why: str) -> None:
        """Raises a DataError that names the first marked record and counts the others."""
        if not bad.any():
            return
        others = int(bad.sum()) - 1
        more = f" (and {others} more such)" if others else ""
        raise DataError(f"{self.path}: {self._name(int(np.argmax(bad)))} {why}{more}")

    def integers(self, key: str) -> NDArray[np.int64]:
        """Returns a column of integers, (n,)."""
        values = self._column(key)
        wrong = [type(value) is not int or abs(value) >= 2**63 for value in values]
        self.refuse(np.array(wrong, bool), f"has a {key!r} that is not a 64-bit integer")
        return np.array(values, np.int64)

    def texts(self, key: str) -> list[str]:
        """Returns a column of non-empty texts."""
        values = self._column(key)
        wrong = [not isinstance(value, str) or not value for value in values]
        self.refuse(np.array(wrong, bool), f"has a {key!r} that is not text")
        return values

    def numbers(
        self, key: str, default: NDArray[np.float64], finite: bool = True
    ) -> NDArray[np.float64]:
        """Returns a column of numbers, (n,), with a default where a record lacks it."""
        values = [row.get(key, other) for row, other in zip(self.rows, default, strict=True)]
        return self._floats(values, (), f"has a {key!r} that is not a finite number", finite)

    def boxes(self, finite: bool = True) -> NDArray[np.float64]:
        """Returns the column `bbox`, (n, 4)."""
        values = self._column("bbox")
        return self._floats(values, (4,), "has a 'bbox' that is not 4 finite numbers", finite)

    def unique_ids(self) -> NDArray[np.int64]:
        """Returns the column `id`, (n,), of which no two are equal."""
        ids = self.integers("id")
        first = np.unique(ids, return_index=True)[1]
        repeated = np.ones(len(ids), bool)
        repeated[first] = False
        self.refuse(repeated, "has the id of an earlier one")
        return ids

    def positions(self, key: str, known: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns where in the sorted known ids each of a column's ids stands, (n,)."""
        ids = self.integers(key)
        position = np.searchsorted(known, ids).clip(max=max(0, len(known) - 1))
        unknown = known[position] != ids if len(known) else np.ones(len(ids), bool)
        self.refuse(unknown, f"has a {key!r} that the file does not list")
        return position

    def _column(self, key: str) -> list[Any]:
        values = [row.get(key, _MISSING) if isinstance(row, dict) else None for row in self.rows]
        self.refuse(
            np.array([not isinstance(row, dict) for row in self.rows], bool), "is not an object"
        )
        self.refuse(np.array([value is _MISSING for value in values], bool), f"has no {key!r}")
        return values

    def _floats(
        self, values: list[Any], shape: tuple[int, ...], why: str, finite: bool
    ) -> NDArray[np.float64]:
        expected = (len(values), *shape) if values else (0,)
        try:
            array = np.array(values, np.float64)
        except (TypeError, ValueError, OverflowError):
            array = np.empty(())
        if array.shape != expected:
            self.refuse(np.array([not _fits(value, shape) for value in values], bool), why)
        array = array.reshape(len(values), *shape)
        if finite:
            axes = tuple(range(1, array.ndim))
            self.refuse(np.array(~np.isfinite(array).all(axis=axes), bool), why)
        return array

    def _name(self, index: int) -> str:
        row = self.rows[index]
        if not isinstance(row, dict):
            return f"{self.kind} number {index + 1}"
        of_image = f" of image {printable(row['image_id'], 40)}" if "image_id" in row else ""
        file_name = f" ({printable(row['file_name'])})" if "file_name" in row else ""
        number = f"number {index + 1}" if "id" not in row else printable(row["id"], 40)
        return f"{self.kind} {number}{of_image}{file_name}"


def _fits(value: Any, shape: tuple[int, ...]) -> bool:
    try:
        return np.array(value, np.float64).shape == shape
    except (TypeError, ValueError, OverflowError):
        return False
