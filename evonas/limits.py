"""What a file from elsewhere may ask of this machine, stated once for every reader."""

import json
import os
import stat
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.errors import ConfigurationError, DataError, EvonasError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.random import Generator

MAX_PIXELS = 64_000_000  # per image: 8000x8000, 192 MB as 8-bit RGB
MAX_TEXT_BYTES = 1 << 30  # per JSON, YAML or XML file; COCO's own largest has 470 MB
MAX_YAML_BYTES = 1 << 19  # parsed in 8 s where PyYAML has no C library; 10,000 names have 200 KB
MAX_YAML_ALIASES = 100
MAX_DEPTH = 50  # of nested lists and objects; COCO and CVAT need 6
MAX_NAME = 200  # characters of a class, column or space name
MAX_INTEGER = 2**63 - 1  # what NumPy holds
MAX_POPULATION = 100_000  # networks that a search asks for at once
MAX_OWN_BYTES = 1 << 26  # of a JSON file that evonas itself writes, and of a log that is shown

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a spreadsheet's formulas begin


def read_regular(path: Path, limit: int | None = MAX_OWN_BYTES) -> bytes:
    """Returns a regular file's bytes; devices and pipes, which never end, are refused.

    Args:
        path: The file.
        limit: The most bytes that are read; None for no limit, as for weights.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no regular file, or larger than the limit.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise ValueError("not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        if limit is None:
            return file.read()
        if found.st_size > limit:
            raise ValueError(f"{found.st_size:,} bytes; at most {limit:,} are read")
        return file.read(limit + 1)


def read_limited(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """Returns a file's bytes without a byte-order mark.

    Args:
        path: The file.
        limit: The most bytes that are read.

    Raises:
        DataError: It cannot be read or is larger.
    """
    try:
        return read_regular(path, limit).removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error


def read_text(path: Path, limit: int = MAX_TEXT_BYTES) -> str:
    """Returns a file as text: UTF-8, or UTF-16 where a byte-order mark says so.

    Raises:
        DataError: It cannot be read, is larger, or is no text.
    """
    content = read_limited(path, limit)
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot be read as text: {error}") from error


def parse_json(content: bytes | str, name: str, raises: type[EvonasError] = DataError) -> Any:
    """Returns what a JSON text holds.

    Args:
        content: The text.
        name: Where it is from, for the message.
        raises: The error to raise.

    Raises:
        EvonasError: It is no JSON, nested more than `MAX_DEPTH` deep, or has an integer beyond
            64 bits.
    """
    try:
        value = json.loads(content, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else _first_line(error)
        raise raises(f"{name}: not valid JSON: {why}") from error
    check_depth(value, name, raises)
    return value


def check_depth(value: Any, name: str, raises: type[EvonasError] = DataError) -> None:
    """Refuses lists and objects that are nested more than `MAX_DEPTH` deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise raises(f"{name}: nested more than {MAX_DEPTH} levels deep")


def read_yaml(path: Path) -> Any:
    """Returns what a YAML file holds.

    Raises:
        DataError: It cannot be read, is no YAML, or exceeds a limit.
    """
    return parse_yaml(read_text(path, MAX_YAML_BYTES), str(path))


def parse_yaml(text: str, name: str, raises: type[EvonasError] = DataError) -> Any:
    """Returns what a YAML text holds; aliases cannot make a small text a large value.

    Args:
        text: The text.
        name: Where it is from, for the message.
        raises: The error to raise.

    Raises:
        EvonasError: It is no YAML, has more than `MAX_YAML_ALIASES` aliases, an alias within what
            another alias names, or more than `MAX_DEPTH` levels.
    """
    if len(text) > MAX_YAML_BYTES:
        raise raises(f"{name}: more than {MAX_YAML_BYTES:,} characters of YAML")
    import yaml

    try:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        _check_events(yaml.parse(text, Loader=loader), name, raises)
        value = yaml.load(text, Loader=loader)
        _check_integers(value)
        return value
    except EvonasError:
        raise
    except Exception as error:  # PyYAML lets out whatever odd keys, dates and numbers lead to
        raise raises(f"{name}: not readable as YAML: {_first_line(error)}") from error


def read_xml(path: Path) -> "Element":
    """Returns the root of an XML file, which may declare no entities.

    Raises:
        DataError: It cannot be read, or is no XML.
    """
    from xml.etree import ElementTree

    content = read_limited(path)
    if b"<!ENTITY" in content:
        raise DataError(f"{path}: declares XML entities; these are not read")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{path}: cannot be read: {_first_line(error)}") from error


def printable(name: object, limit: int = MAX_NAME) -> str:
    r"""Returns a text on one line for a terminal: control characters escaped, cut at the limit.

    >>> print(printable("red\x1b[31m"))
    red\x1b[31m
    """
    text = str(name)
    shown = "".join(c if c.isprintable() else _escaped(c) for c in text[: limit + 1])
    return shown if len(text) <= limit else f"{shown[:limit]}..."


def listed(names: Iterable[object]) -> str:
    """Returns names as a list to read, in quotes where a comma would tear one apart.

    >>> print(listed(["red, one", "blue two"]))
    'red, one', blue two
    """
    return ", ".join(repr(n) if "," in n else n for n in map(printable, names))


def printable_lines(text: str) -> str:
    """Returns a message with all that a terminal would obey escaped, but for its line ends."""
    return "\n".join(
        "".join(c if c.isprintable() else _escaped(c) for c in line) for line in text.split("\n")
    )


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


def check_name(name: object, what: str, raises: type[EvonasError] = DataError) -> str:
    """Returns a name of 1 to `MAX_NAME` printable characters.

    Raises:
        EvonasError: It is none.
    """
    if not isinstance(name, str) or not name.strip():
        raise raises(f"{what}: expected a name, got {printable(repr(name))}")
    if len(name) > MAX_NAME or not name.isprintable():
        raise raises(
            f"{what}: {printable(name, 40)!r} is not a name: up to {MAX_NAME} printable "
            "characters are allowed"
        )
    return name


def check_whole(name: str, number: object, least: int = 0, most: int | None = None) -> None:
    """Refuses what is no whole number in its range; a truth value is none.

    Raises:
        ConfigurationError: It is none.

    >>> check_whole("seed", 3)
    >>> check_whole("seed", 1.5)
    Traceback (most recent call last):
    evonas.errors.ConfigurationError: seed is 1.5; a whole number of at least 0 is expected
    """
    whole = isinstance(number, Integral) and not isinstance(number, bool)
    if not whole or number < least or (most is not None and number > most):  # type: ignore[operator]
        allowed = f"of at least {least}" if most is None else f"from {least} to {most:,}"
        raise ConfigurationError(
            f"{name} is {printable(repr(number), 40)}; a whole number {allowed} is expected"
        )


def seeded(rng: "Generator | int") -> "Generator":
    """Returns a source of random choices: the one given, or that of a seed from 0.

    Raises:
        ConfigurationError: It is neither.
    """
    from numpy.random import Generator, default_rng

    if isinstance(rng, Generator):
        return rng
    check_whole("rng", rng)
    return default_rng(rng)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_events(events: Iterable[Any], name: str, raises: type[EvonasError]) -> None:
    """Walks the parser's events, which do not expand aliases."""
    import yaml

    depth = aliases = 0
    anchored = 0  # levels since an anchor was opened; an alias there multiplies
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            anchored += bool(anchored or event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            anchored -= bool(anchored)
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            if anchored:
                raise raises(f"{name}: a YAML alias within an anchored value is not allowed")
        if depth > MAX_DEPTH or aliases > MAX_YAML_ALIASES:
            raise raises(
                f"{name}: YAML of at most {MAX_DEPTH} levels and {MAX_YAML_ALIASES} aliases is read"
            )


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise ValueError(f"the integer {printable(digits, 24)} is beyond 64 bits")
    return int(digits)


def _check_integers(value: Any) -> None:
    """Refuses integers beyond 64 bits; the value's depth is known to be small."""
    if isinstance(value, dict):
        for entry in (*value, *value.values()):
            _check_integers(entry)
    elif isinstance(value, list | tuple | set):
        for entry in value:
            _check_integers(entry)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError("an integer beyond 64 bits")


def _first_line(error: Exception) -> str:
    return printable(str(error).replace("\n", " "), 300)
