"""What a file from elsewhere may ask of this machine, stated once for every reader."""

import json
from pathlib import Path
from typing import Any

import yaml

from evonas.errors import DataError, EvonasError

MAX_PIXELS = 64_000_000  # per image: 8000x8000, 192 MB as 8-bit RGB
MAX_TEXT_BYTES = 1 << 30  # per JSON, YAML or XML file; COCO's own largest has 470 MB
MAX_YAML_BYTES = 1 << 20
MAX_YAML_ALIASES = 100
MAX_DEPTH = 50  # of nested lists and objects; COCO and CVAT need 6
MAX_NAME = 200  # characters of a class, column or space name


def read_limited(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """Returns a file's bytes without a byte-order mark.

    Args:
        path: The file.
        limit: The most bytes that are read.

    Raises:
        DataError: It cannot be read or is larger.
    """
    try:
        size = path.stat().st_size
        if size > limit:
            raise DataError(f"{path}: {size:,} bytes; at most {limit:,} are read")
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


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
        EvonasError: It is no JSON, or nested more than `MAX_DEPTH` deep.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else error
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
    try:
        _check_events(text, name, raises)
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise raises(f"{name}: not a readable YAML file: {_first_line(error)}") from error


def printable(name: object, limit: int = MAX_NAME) -> str:
    """Returns a text on one line for a terminal: control characters escaped, cut at the limit.

    >>> printable("red\\x1b[31m")
    'red\\\\x1b[31m'
    """
    text = str(name)
    shown = "".join(c if c.isprintable() else _escaped(c) for c in text[: limit + 1])
    return shown if len(text) <= limit else f"{shown[:limit]}..."


def check_name(name: object, what: str, raises: type[EvonasError] = DataError) -> str:
    """Returns a name of 1 to `MAX_NAME` printable characters.

    Raises:
        EvonasError: It is none.
    """
    if not isinstance(name, str) or not name.strip():
        raise raises(f"{what}: expected a name, got {printable(repr(name))}")
    if len(name) > MAX_NAME or not name.isprintable():
        raise raises(
            f"{what}: {printable(name, 40)!r} is no name: at most {MAX_NAME} printable characters"
        )
    return name


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_events(text: str, name: str, raises: type[EvonasError]) -> None:
    """Walks the parser's events, which do not expand aliases."""
    depth = aliases = 0
    anchored = 0  # levels since an anchor was opened; an alias there multiplies
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
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


def _first_line(error: Exception) -> str:
    return printable(str(error).replace("\n", " "), 300)
