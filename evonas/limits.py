"""What a file from outside may be: how large, how deep, and how its texts are shown.

Readers go through these functions, so that no small file takes a machine's memory or time, and no
name in it reaches a terminal or a spreadsheet as a command.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any

MAX_DEPTH = 64  # levels of nested lists and objects
MAX_INTEGER = 2**63 - 1  # what NumPy and every other reader can hold
MAX_YAML_BYTES = 512 * 1024  # a recipe has 1 KB; the names of 10,000 classes have 200 KB
MAX_YAML_NODES = 50_000
MAX_JSON_FILE = 64 * 1024**2  # bytes of a JSON file that evonas itself writes
MAX_PIXELS = 100_000_000  # of an image before decoding

_SHOWN = 200  # characters of a text from a file that a message shows
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def read_bytes(path: Path, most: int = MAX_JSON_FILE) -> bytes:
    """Returns a regular file's content; devices and pipes, which never end, are refused.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no regular file, or larger than `most` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("not a regular file")
        if found.st_size > most:
            raise ValueError(f"{found.st_size:,} bytes; at most {most:,} are allowed")
        return file.read(most + 1)


def parse_json(text: str | bytes) -> Any:
    """Returns a JSON value.

    Raises:
        ValueError: Not JSON, nested beyond `MAX_DEPTH`, or an integer beyond 64 bits.

    >>> parse_json('{"n": [1, 2]}')
    {'n': [1, 2]}
    """
    try:
        value = json.loads(text, parse_int=_integer)
        _check_depth(value)
    except RecursionError:
        raise ValueError(f"nested beyond {MAX_DEPTH} levels") from None
    return value


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(number := int(digits)) > MAX_INTEGER:
        raise ValueError(f"the integer {printable(digits, 24)} is beyond 64 bits")
    return number if digits[0] != "-" else -abs(number)


def _check_depth(value: Any) -> None:
    """Refuses what is nested too deeply; level by level, without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for entry in level:
            if isinstance(entry, dict):
                inner += [item for item in entry.values() if isinstance(item, dict | list)]
            elif isinstance(entry, list):
                inner += [item for item in entry if isinstance(item, dict | list)]
        if not inner:
            return
        level = inner
    raise ValueError(f"nested beyond {MAX_DEPTH} levels")


def parse_yaml(text: str | bytes) -> Any:
    """Returns a YAML value of plain types; aliases, which multiply what they name, are refused.

    Raises:
        ValueError: Not YAML, with aliases, too large, too deep, or an integer beyond 64 bits.

    >>> parse_yaml("steps: 5")
    {'steps': 5}
    """
    import yaml

    if len(text) > MAX_YAML_BYTES:
        raise ValueError(f"{len(text):,} characters of YAML; at most {MAX_YAML_BYTES:,} are read")
    try:
        depth = nodes = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"an alias (*{printable(event.anchor, 24)}); write it out")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            nodes += isinstance(event, yaml.NodeEvent)
            if depth > MAX_DEPTH or nodes > MAX_YAML_NODES:
                raise ValueError(
                    f"more than {MAX_DEPTH} levels or {MAX_YAML_NODES:,} values of YAML"
                )
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, TypeError, KeyError, IndexError, OverflowError) as error:
        # The last four are what PyYAML raises for keys that are lists and the like.
        raise ValueError(f"not YAML: {printable(str(error))}") from None
    _check_integers(value)
    return value


def _check_integers(value: Any) -> None:
    """Refuses integers beyond 64 bits; the depth is known to be small."""
    if isinstance(value, dict):
        for entry in (*value, *value.values()):
            _check_integers(entry)
    elif isinstance(value, list | tuple | set):
        for entry in value:
            _check_integers(entry)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError("an integer beyond 64 bits")


def printable(text: object, most: int = _SHOWN) -> str:
    r"""Returns a text from outside as one line that a terminal shows and does not obey.

    >>> print(printable("cat\x1b[2J\n"))
    cat\x1b[2J\n
    """
    shown = str(text)
    if len(shown) > most:
        shown = f"{shown[:most]}..."
    return "".join(c if c.isprintable() else _escaped(c) for c in shown)


def printable_lines(text: str) -> str:
    """Returns a message with all that a terminal would obey escaped, but for its line ends."""
    return "\n".join(
        "".join(c if c.isprintable() else _escaped(c) for c in line) for line in text.split("\n")
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def csv_text(text: str) -> str:
    """Returns a text for a CSV field that no spreadsheet takes for a formula.

    >>> csv_text("=HYPERLINK(1)"), csv_text("map")
    ("'=HYPERLINK(1)", 'map')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def from_csv_text(field: str) -> str:
    """Returns the text that `csv_text` has written.

    >>> from_csv_text("'=HYPERLINK(1)")
    '=HYPERLINK(1)'
    """
    return field[1:] if field.startswith("'") and field[1:].startswith(_FORMULA) else field
