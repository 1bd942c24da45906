"""What the values of a column may be: asked by every door through which values come in."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.table.columns import DIRECTIONS, check_name, column_objective, named_objective


@dataclass(frozen=True, slots=True)
class Domain:
    """The numbers that a column may hold; a missing value, NaN, is always allowed.

    Attributes:
        low: The smallest.
        high: The largest.
        sentence: The same in words.
    """

    low: float
    high: float
    sentence: str

    def holds(self, values: Floats) -> NDArray[np.bool_]:
        """Returns (n,) whether values (n,) are missing or allowed."""
        inside: NDArray[np.bool_] = (values >= self.low) & (values <= self.high)
        return inside | np.isnan(values)


_LARGEST = float(np.finfo(np.float64).max)
_ABOVE_ZERO = float(np.nextafter(0, 1))
_FINITE = Domain(-_LARGEST, _LARGEST, "a finite number is allowed")
_POSITIVE = Domain(_ABOVE_ZERO, _LARGEST, "a finite number above 0 is allowed")
_FRACTION = Domain(0.0, 1.0, "AP is a fraction, 0 to 1")
# By unit; what has another one, or none, may be any finite number.
_BY_UNIT = {
    "AP": _FRACTION,
    **dict.fromkeys(("ms", "s", "MAdds", "parameters", "bytes"), _POSITIVE),
}


def column_domain(name: str, provenance: Mapping[str, str]) -> Domain:
    """Returns what the values of a column may be.

    >>> column_domain("trained_map:2@street", {}).high
    1.0
    >>> column_domain("energy", {}).sentence
    'a finite number is allowed'
    """
    objective = column_objective(name, provenance)
    unit = objective.unit if objective else provenance.get("unit", "")
    return _BY_UNIT.get(unit, _FINITE)


def check_column(name: str, provenance: Mapping[str, str]) -> None:
    """Refuses a column whose name is not well-formed, or whose unit or direction cannot be.

    Raises:
        DataError: It says what is allowed.
    """
    check_name(name)
    direction, unit = provenance.get("direction", ""), provenance.get("unit", "")
    if direction and direction not in DIRECTIONS:
        raise DataError(
            f"column {name!r}: direction {direction!r}; allowed are {' and '.join(DIRECTIONS)}"
        )
    known = named_objective(name)
    if known is None:
        return
    if direction and DIRECTIONS[direction] != known.maximise:
        right = "max" if known.maximise else "min"
        raise DataError(f"column {name!r}: direction {direction!r}; its name means {right!r}")
    if unit and unit != known.unit:
        raise DataError(f"column {name!r}: unit {unit!r}; its name means {known.unit!r}")


def first_outside(name: str, values: Floats, provenance: Mapping[str, str]) -> int | None:
    """Returns the first row whose value the column may not hold; None if there is none."""
    inside = column_domain(name, provenance).holds(values)
    return None if inside.all() else int(inside.argmin())
