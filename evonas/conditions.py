"""Conditions over columns: `latency:ethos-u55-256 <= 5 and (map > 0.3 or params < 1e6)`.

The one grammar of `--where`: a table evaluates a condition as a mask, a search as a violation.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.errors import ConfigurationError

Bools = NDArray[np.bool_]
ColumnReader = Callable[[str], NDArray[np.float64]]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_:.@#-]*)"
    r"|(?P<compare><=|>=|==|!=|<|>)"
    r"|(?P<bracket>[()]))"
)
_COMPARE: dict[str, Callable[..., Bools]] = {
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "<": np.less,
    ">": np.greater,
    "==": np.equal,
    "!=": np.not_equal,
}
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands, each a column's name or a number, and one of `<= >= < > == !=` between."""

    left: str | float
    sign: str
    right: str | float

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where its part does not."""

    part: "Condition"

    def __str__(self) -> str:
        return f"not {_enclosed(self.part)}"


@dataclass(frozen=True, slots=True)
class And:
    """Holds where all of its parts hold."""

    parts: tuple["Condition", ...]

    def __str__(self) -> str:
        return " and ".join(map(_enclosed, self.parts))


@dataclass(frozen=True, slots=True)
class Or:
    """Holds where any of its parts holds."""

    parts: tuple["Condition", ...]

    def __str__(self) -> str:
        return " or ".join(map(_enclosed, self.parts))


Condition = Comparison | Not | And | Or


def parse_condition(expression: str) -> Condition:
    """Reads comparisons of columns and numbers, joined by `and`, `or`, `not` and brackets.

    Raises:
        ConfigurationError: The expression is not well-formed.

    >>> str(parse_condition("map > 0.3 and not (x == 2 or 1e6 < params)"))
    'map > 0.3 and not (x == 2.0 or 1000000.0 < params)'
    """
    if not isinstance(expression, str):
        raise ConfigurationError(f"condition {repr(expression)[:80]}: a text is expected")
    return _Parser(expression).parse()


def where_mask(expression: str, column: ColumnReader) -> Bools:
    """Evaluates a condition; a comparison with a missing value is false.

    Args:
        expression: See `parse_condition`.
        column: Gives a column's values, (n,); raises for an unknown name.

    Returns:
        (n,) bool.

    Raises:
        ConfigurationError: The expression is not well-formed.

    >>> where_mask("map > 0.3 and not x == 2", {"map": np.array([.2, .4]), "x": np.ones(2)}.get)
    array([False,  True])
    """
    return _mask(parse_condition(expression), column)


def condition_columns(condition: Condition) -> tuple[str, ...]:
    """Returns the names of the columns that a condition reads, each once, in order."""
    if isinstance(condition, Comparison):
        operands = (condition.left, condition.right)
        return tuple(dict.fromkeys(name for name in operands if isinstance(name, str)))
    parts = (condition.part,) if isinstance(condition, Not) else condition.parts
    return tuple(dict.fromkeys(name for part in parts for name in condition_columns(part)))


def _enclosed(condition: Condition) -> str:
    return f"({condition})" if isinstance(condition, And | Or) else str(condition)


def _mask(condition: Condition, column: ColumnReader) -> Bools:
    if isinstance(condition, Not):
        return ~_mask(condition.part, column)
    if isinstance(condition, Comparison):
        left, right = (
            column(operand) if isinstance(operand, str) else operand
            for operand in (condition.left, condition.right)
        )
        return _COMPARE[condition.sign](left, right) & ~np.isnan(left) & ~np.isnan(right)
    masks = [_mask(part, column) for part in condition.parts]
    join = np.logical_and if isinstance(condition, And) else np.logical_or
    mask: Bools = join.reduce(masks)
    return mask


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


class _Parser:
    def __init__(self, expression: str) -> None:
        if not isinstance(expression, str):
            raise ConfigurationError(f"condition {repr(expression)[:80]}: a text is expected")
        self.expression = expression
        self.shown = repr(expression if len(expression) <= 300 else f"{expression[:300]}...")
        self.tokens = list(self._tokens())
        self.position = 0
        self.depth = 0

    def parse(self) -> Condition:
        condition = self._either()
        if self._peek().kind != "end":
            raise self._error("'and' or 'or'")
        return condition

    def _tokens(self) -> Iterator[_Token]:
        position, text = 0, self.expression.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if not found:
                rest = text[position:].lstrip()
                raise ConfigurationError(
                    f"condition {self.shown}: {rest[0]!r} at {len(text) - len(rest) + 1} is "
                    "not allowed"
                )
            kind = str(found.lastgroup)
            word = found[kind]
            keyword = kind == "name" and word in ("and", "or", "not")
            yield _Token(word if keyword or kind == "bracket" else kind, word, found.start(kind))
            position = found.end()
        yield _Token("end", "the end", len(text))

    def _peek(self) -> _Token:
        return self.tokens[self.position]

    def _take(self, *kinds: str) -> _Token | None:
        token = self._peek()
        if token.kind not in kinds:
            return None
        self.position += 1
        return token

    def _error(self, wanted: str) -> ConfigurationError:
        token = self._peek()
        return ConfigurationError(
            f"condition {self.shown}: {wanted} expected at {token.position + 1}, not {token.text!r}"
        )

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._unit()]
        while self._take("and"):
            parts.append(self._unit())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _unit(self) -> Condition:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ConfigurationError(f"condition: more than {_MAX_DEPTH} brackets in each other")
        try:
            if self._take("not"):
                return Not(self._unit())
            if self._take("("):
                condition = self._either()
                if not self._take(")"):
                    raise self._error("')'")
                return condition
            return self._comparison()
        finally:
            self.depth -= 1

    def _comparison(self) -> Comparison:
        left = self._operand()
        sign = self._take("compare")
        if not sign:
            raise self._error("a comparison (<=, >=, <, >, ==, !=)")
        right = self._operand()
        if not (isinstance(left, str) or isinstance(right, str)):
            raise ConfigurationError(f"condition {self.shown}: compares no column")
        return Comparison(left, sign.text, right)

    def _operand(self) -> str | float:
        token = self._take("number", "name")
        if not token:
            raise self._error("a column or a number")
        if token.kind == "name":
            return token.text
        number = float(token.text)
        if not math.isfinite(number):
            raise ConfigurationError(
                f"condition {self.shown}: {token.text} is too large for a number"
            )
        return number
