"""Constraints of a search: `latency:ethos-u55-256 <= 5`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from evonas.errors import ConfigurationError

Floats = NDArray[np.float64]

_COMPARISON = re.compile(r"\s*([a-z][a-z0-9_:-]*)\s*(<=|>=|<|>)\s*([-+0-9.eE]+)\s*")


@dataclass(frozen=True, slots=True)
class Constraint:
    """A bound on a column.

    Attributes:
        column: Name of the column.
        upper: Whether the bound is from above.
        bound: The bound, in the column's unit.
        strict: Whether the bound itself is excluded.
    """

    column: str
    upper: bool
    bound: float
    strict: bool

    def violation(self, values: Floats) -> Floats:
        """Returns (n,) how far beyond the bound, relative to it; 0 or less where it holds."""
        beyond = values - self.bound if self.upper else self.bound - values
        scaled = beyond / max(abs(self.bound), 1e-12)
        return np.where(scaled == 0, 1e-12, scaled) if self.strict else scaled


def parse_constraints(expressions: Iterable[str]) -> tuple[Constraint, ...]:
    """Reads expressions, each comparisons of a column with a number joined by `and`.

    Raises:
        ConfigurationError: Not such an expression.

    >>> parse_constraints(["madds <= 2e7"])
    (Constraint(column='madds', upper=True, bound=20000000.0, strict=False),)
    """
    parts = [part for text in expressions for part in re.split(r"\band\b", text)]
    return tuple(_parse(part) for part in parts)


def _parse(text: str) -> Constraint:
    match = _COMPARISON.fullmatch(text)
    try:
        if not match:
            raise ValueError
        column, sign, bound = match[1], match[2], float(match[3])
        if not isfinite(bound):
            raise ValueError
    except ValueError:
        raise ConfigurationError(
            f"constraint {text.strip()!r}: must be COLUMN, one of <= >= < >, and a number, "
            "joined by 'and', for example 'latency:cpu-xnnpack <= 5'"
        ) from None
    return Constraint(column, sign.startswith("<"), bound, strict=len(sign) == 1)


def violations(constraints: Sequence[Constraint], columns: Mapping[str, Floats], n: int) -> Floats:
    """Returns (n, n_constraints) violations, 0 or less where a constraint holds."""
    if not constraints:
        return np.zeros((n, 0))
    return np.stack([c.violation(columns[c.column]) for c in constraints], axis=1)


def total_violation(violated: Floats) -> Floats:
    """Returns (n,) sums of violations (n, n_constraints): 0 where all hold."""
    total: Floats = np.maximum(violated, 0).sum(axis=1)
    return total
