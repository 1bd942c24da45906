"""Constraints of a search: conditions of which the violation is known, not only whether they hold.

They are written in the grammar of `evonas.conditions`: `latency:ethos-u55-256 <= 5`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evonas.arrays import Floats
from evonas.conditions import (
    And,
    Comparison,
    Condition,
    Not,
    Or,
    condition_columns,
    parse_condition,
)
from evonas.errors import ConfigurationError

_OPPOSITE = {"<=": ">", ">": "<=", ">=": "<", "<": ">=", "==": "!=", "!=": "=="}
_MIRRORED = {"<=": ">=", ">=": "<=", "<": ">", ">": "<", "==": "==", "!=": "!="}
_LEAST = 1e-12  # the violation at a bound that is itself excluded


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition that every network must meet.

    Attributes:
        condition: Comparisons of a column (left) with a number (right), joined by `And` and `Or`.
    """

    condition: Condition

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""
        return condition_columns(self.condition)

    def violation(self, values: Mapping[str, Floats]) -> Floats:
        """Returns (n,) how far values are beyond the bounds; 0 or less where the condition holds.

        A bound's violation is relative to it; that of an `and` is its parts' largest, that of an
        `or` their smallest.
        """
        return _violation(self.condition, values)


def parse_constraints(expressions: Iterable[str] | str) -> tuple[Constraint, ...]:
    """Reads conditions that must all hold, or one; what they join by `and` are constraints too.

    Raises:
        ConfigurationError: Not a condition, or one that compares anything but a column with a
            number.

    >>> [str(c.condition) for c in parse_constraints(["madds <= 2e7 and not params > 1e5"])]
    ['madds <= 20000000.0', 'params <= 100000.0']
    """
    found: list[Constraint] = []
    if not isinstance(expressions, Iterable):
        raise ConfigurationError(f"where {expressions!r}: a condition or a list is expected")
    for text in (expressions,) if isinstance(expressions, str) else expressions:
        condition = _bounds(parse_condition(text), text, holds=True)
        parts = condition.parts if isinstance(condition, And) else (condition,)
        found += map(Constraint, parts)
    return tuple(found)


def violations(constraints: Sequence[Constraint], columns: Mapping[str, Floats], n: int) -> Floats:
    """Returns (n, n_constraints) violations, 0 or less where a constraint holds."""
    if not constraints:
        return np.zeros((n, 0))
    return np.stack([constraint.violation(columns) for constraint in constraints], axis=1)


def total_violation(violated: Floats) -> Floats:
    """Returns (n,) sums of violations (n, n_constraints): 0 where all hold."""
    total: Floats = np.maximum(violated, 0).sum(axis=1)
    return total


def _bounds(condition: Condition, text: str, holds: bool) -> Condition:
    """Writes a condition, or its opposite, without `not`, with columns to the left."""
    if isinstance(condition, Not):
        return _bounds(condition.part, text, not holds)
    if isinstance(condition, Comparison):
        left, sign, right = condition.left, condition.sign, condition.right
        if isinstance(left, float):
            left, sign, right = right, _MIRRORED[sign], left
        if isinstance(right, str):
            raise ConfigurationError(
                f"constraint {text!r}: compares the columns {left} and {right}; a search's "
                "constraints compare a column with a number, for example "
                "'latency:cpu-xnnpack <= 5 and (params <= 1e6 or madds <= 2e7)'"
            )
        return Comparison(left, sign if holds else _OPPOSITE[sign], right)
    joined: type[And] | type[Or] = And if isinstance(condition, And) == holds else Or
    parts: list[Condition] = []
    for part in condition.parts:
        bounds = _bounds(part, text, holds)
        parts += bounds.parts if isinstance(bounds, joined) else (bounds,)
    return joined(tuple(parts))


def _violation(condition: Condition, values: Mapping[str, Floats]) -> Floats:
    if isinstance(condition, Comparison):
        return _beyond(condition, values)
    assert not isinstance(condition, Not), "constraints are written without `not`"
    parts = [_violation(part, values) for part in condition.parts]
    join = np.maximum if isinstance(condition, And) else np.minimum
    violation: Floats = join.reduce(parts)
    return violation


def _beyond(comparison: Comparison, values: Mapping[str, Floats]) -> Floats:
    assert isinstance(comparison.left, str)
    assert isinstance(comparison.right, float)
    sign, bound = comparison.sign, comparison.right
    over = (values[comparison.left] - bound) / max(abs(bound), 1e-12)
    if sign == "==":
        return np.abs(over)
    if sign == "!=":
        return np.where(over == 0, _LEAST, 0.0)
    scaled = over if sign.startswith("<") else -over
    return np.where(scaled == 0, _LEAST, scaled) if len(sign) == 1 else scaled
