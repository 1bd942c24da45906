"""Numbers from files, read strictly."""

import re
from typing import Any

# `float` takes more: digits of other scripts, underscores.
_NUMBER = re.compile(
    r"[ \t]*([-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|nan|[-+]?inf(inity)?)[ \t]*",
    re.IGNORECASE | re.ASCII,
)


def read_number(value: Any) -> float | None:
    """Returns a number from a text in ASCII digits, or from JSON; None if it is neither.

    >>> read_number("1e-3"), read_number("1_0"), read_number(True)
    (0.001, None, None)
    """
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return float("inf") if value > 0 else -float("inf")


def parse_number(value: Any) -> float:
    """Returns what `read_number` does, of a text with blanks or line ends around it too.

    Raises:
        ValueError: It is no number.
    """
    number = read_number(value.strip() if isinstance(value, str) else value)
    if number is None:
        raise ValueError(f"no number: {str(value)[:40]!r}")
    return number
