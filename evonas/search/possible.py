"""Whether any network can meet a condition: AP lies between 0 and 1, times are above 0."""

import re
import sys
from collections.abc import Iterable
from math import inf

from evonas.conditions import Comparison, Condition, Not, Or
from evonas.errors import ConfigurationError
from evonas.objectives import load_objective
from evonas.search.constraints import Constraint

_POSITIVE = (sys.float_info.min, inf)


def check_possible(constraints: Iterable[Constraint]) -> None:
    """Refuses constraints that no network can meet, whatever it is.

    Raises:
        ConfigurationError: One asks for what its column never holds.

    >>> from evonas.search.constraints import parse_constraints
    >>> check_possible(parse_constraints(["map > 0.3 or map > 2"]))
    >>> check_possible(parse_constraints(["map > 2"]))
    Traceback (most recent call last):
    evonas.errors.ConfigurationError: no network meets map > 2.0: map lies between 0 and 1
    """
    for constraint in constraints:
        if not _is_possible(constraint.condition):
            told = [_told(name) for name in constraint.columns]
            raise ConfigurationError(f"no network meets {constraint.condition}: {', '.join(told)}")


def _is_possible(condition: Condition) -> bool:
    """Whether each comparison by itself can hold, or one of those joined by `or`."""
    if isinstance(condition, Comparison):
        return _can_hold(condition)
    assert not isinstance(condition, Not), "constraints are written without `not`"
    join = any if isinstance(condition, Or) else all
    return join(map(_is_possible, condition.parts))


def _can_hold(comparison: Comparison) -> bool:
    assert isinstance(comparison.left, str)
    assert isinstance(comparison.right, float)
    (low, high), bound = _range(comparison.left), comparison.right
    return {
        "<": low < bound,
        "<=": low <= bound,
        ">": high > bound,
        ">=": high >= bound,
        "==": low <= bound <= high,
        "!=": True,
    }[comparison.sign]


def _range(column: str) -> tuple[float, float]:
    """Returns the least and the greatest value that a column can hold."""
    base = re.split("[:@#]", column)[0]
    if base == "fits":
        return 0.0, 1.0
    try:
        objective = load_objective(column if base in _TIMES else base)
    except ConfigurationError:  # a table's own column
        return -inf, inf
    return (0.0, 1.0) if objective.unit == "AP" else _POSITIVE


def _told(column: str) -> str:
    return f"{column} {'lies between 0 and 1' if _range(column)[1] == 1 else 'is above 0'}"


_TIMES = ("latency", "latency_upper", "measured")
