"""Conditions over columns: `latency:ethos-u55-256 <= 5 and (map > 0.3 or params < 1e6)`."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "<": np.less,
    ">": np.greater,
    "==": np.equal,
    "!=": np.not_equal,
}
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def where_mask(expression: str, column: ColumnReader) -> Bools:
    """Evaluator a condition; a comparison with a missing value is false.

    Args:
        expression: Comparisons of columns and numbers, joined by `and`, `or`, `not`, brackets.
        column: Gives a column's values, (n,); raises for an unknown name.

    Returns:
        (n,) bool.

    Raises:
        ConfigurationError: The expression is not well-formed.

    >>> where_mask("map > 0.3 and not x == 2", {"map": np.array([.2, .4]), "x": np.ones(2)}.get)
    array([False,  True])
    """
    return _Parser(expression, column).parse()


class _Parser:
    def __init__(self, expression: str, column: ColumnReader) -> None:
        self.expression = expression
        self.column = column
        self.tokens = list(self._tokens())
        self.position = 0
        self.depth = 0

    def parse(self) -> Bools:
        mask = self._either()
        if self._peek().kind != "end":
            raise self._error("'and' or 'or'")
        return mask

    def _tokens(self) -> Iterator[_Token]:
        position, text = 0, self.expression.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if not found:
                raise ConfigurationError(
                    f"condition {self.expression!r}: {text[position:].strip()[0]!r} at "
                    f"{position + 1} is not allowed"
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
            f"condition {self.expression!r}: {wanted} expected at {token.position + 1}, "
            f"not {token.text!r}"
        )

    def _either(self) -> Bools:
        mask = self._both()
        while self._take("or"):
            mask = mask | self._both()
        return mask

    def _both(self) -> Bools:
        mask = self._unit()
        while self._take("and"):
            mask = mask & self._unit()
        return mask

    def _unit(self) -> Bools:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ConfigurationError(f"condition: more than {_MAX_DEPTH} brackets in each other")
        try:
            if self._take("not"):
                return ~self._unit()
            if self._take("("):
                mask = self._either()
                if not self._take(")"):
                    raise self._error("')'")
                return mask
            return self._comparison()
        finally:
            self.depth -= 1

    def _comparison(self) -> Bools:
        left, named = self._operand()
        operator = self._take("compare")
        if not operator:
            raise self._error("a comparison (<=, >=, <, >, ==, !=)")
        right, also_named = self._operand()
        if not (named or also_named):
            raise ConfigurationError(f"condition {self.expression!r}: compares no column")
        mask: Bools = _COMPARE[operator.text](left, right) & ~np.isnan(left) & ~np.isnan(right)
        return mask

    def _operand(self) -> tuple[Any, bool]:
        token = self._take("number", "name")
        if not token:
            raise self._error("a column or a number")
        if token.kind == "number":
            return float(token.text), False
        return self.column(token.text), True
