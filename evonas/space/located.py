"""Values of a YAML text that know their place in it, so that a fault is told by file and line."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from evonas.errors import ConfigurationError
from evonas.limits import parse_yaml, printable


@dataclass(frozen=True, slots=True)
class Located:
    """A value and its place.

    Attributes:
        value: A scalar, a list of `Located`, or a mapping of texts to `Located`.
        line: Its line, from 1.
        place: Where it stands in the document: `blocks[2].depth`, counted from 1.
        source: The file, for messages.
    """

    value: Any
    line: int
    place: str
    source: str

    def error(self, message: str) -> ConfigurationError:
        """Returns the error that names file, line and place."""
        place = f"{self.place}: " if self.place else ""
        return ConfigurationError(f"{self.source}:{self.line}: {place}{message}")

    def fields(self, allowed: Sequence[str], required: Sequence[str] = ()) -> dict[str, "Located"]:
        """Returns a mapping's values by key.

        Raises:
            ConfigurationError: It is no mapping, has an unknown key or lacks a required one.
        """
        if not isinstance(self.value, dict):
            raise self.error(f"expected keys with values ({', '.join(allowed)}), got {self.shown}")
        for key, found in self.value.items():
            if key not in allowed:
                raise found.error(f"unknown key; allowed here are {', '.join(allowed)}")
        for key in required:
            if key not in self.value:
                raise self.error(f"lacks the key {key!r}")
        return dict(self.value)

    def items(self, least: int, most: int) -> list["Located"]:
        """Returns a list's values.

        Raises:
            ConfigurationError: It is no list, or of another length.
        """
        if not isinstance(self.value, list) or not least <= len(self.value) <= most:
            got = f"{len(self.value)}" if isinstance(self.value, list) else self.shown
            raise self.error(f"expected a list of {least} to {most} values, got {got}")
        return list(self.value)

    def distinct(
        self, least: int, most: int, read: Callable[["Located"], Any], rising: bool = False
    ) -> tuple[Any, ...]:
        """Returns a list's values, each read by a function, none of them twice.

        Raises:
            ConfigurationError: Not such a list, or not in rising order where that is asked for.
        """
        values: list[Any] = []
        for item in self.items(least, most):
            value = read(item)
            if value in values:
                raise item.error(f"{item.shown} stands here twice")
            if rising and values and value < values[-1]:
                raise item.error(
                    f"{item.shown} comes after {values[-1]}; name them in rising order"
                )
            values.append(value)
        return tuple(values)

    def whole(self, least: int, most: int, step: int = 1) -> int:
        """Returns a whole number.

        Raises:
            ConfigurationError: It is none of those allowed.
        """
        value = self.value
        if type(value) is not int or not least <= value <= most or value % step:
            steps = f"a multiple of {step}" if step > 1 else "a whole number"
            raise self.error(f"{self.shown}: {steps} from {least} to {most} is allowed")
        return value

    def number(self, least: float, most: float) -> float:
        """Returns a finite number.

        Raises:
            ConfigurationError: It is none of those allowed.
        """
        value = self.value
        if (
            type(value) not in (int, float)
            or not math.isfinite(value)
            or not least <= value <= most
        ):
            raise self.error(f"{self.shown}: a number from {least:g} to {most:g} is allowed")
        return float(value)

    def flag(self) -> bool:
        """Returns true or false.

        Raises:
            ConfigurationError: It is neither.
        """
        if type(self.value) is not bool:
            raise self.error(f"{self.shown}: true or false is allowed")
        return self.value

    def choice(self, allowed: Sequence[str]) -> str:
        """Returns one of the allowed texts.

        Raises:
            ConfigurationError: It is none of them.
        """
        if not isinstance(self.value, str) or self.value not in allowed:
            raise self.error(f"{self.shown} is not known; allowed are {', '.join(allowed)}")
        return self.value

    @property
    def shown(self) -> str:
        """The value as a message shows it."""
        if isinstance(self.value, dict | list):
            return "a list" if isinstance(self.value, list) else "keys with values"
        return printable(repr(self.value), 60)


def read_located(text: str, source: str) -> Located:
    """Reads a YAML text with the places of its values.

    Raises:
        ConfigurationError: It is no YAML, exceeds a limit of `evonas.limits`, has a key that is no
            text, or one twice.
    """
    import yaml

    try:
        parse_yaml(text, source, ConfigurationError)  # for its limits
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError(_not_yaml(source, error)) from error
    except ConfigurationError as error:
        if isinstance(error.__cause__, yaml.MarkedYAMLError):
            raise ConfigurationError(_not_yaml(source, error.__cause__)) from error
        raise
    if node is None:
        raise ConfigurationError(f"{source}:1: the file is empty")
    return _located(node, loader, "", source)


def _located(node: Any, loader: Any, place: str, source: str) -> Located:
    import yaml

    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        items = [
            _located(child, loader, f"{place}[{i}]", source)
            for i, child in enumerate(node.value, start=1)
        ]
        return Located(items, line, place, source)
    if not isinstance(node, yaml.MappingNode):
        return Located(loader.construct_object(node), line, place, source)
    found: dict[str, Located] = {}
    for key_node, child in node.value:
        key = loader.construct_object(key_node, deep=True)
        here = Located(key, key_node.start_mark.line + 1, place, source)
        if not isinstance(key, str):
            raise here.error(f"the key {here.shown} is no text")
        if key in found:
            raise here.error(f"the key {key!r} stands here twice")
        inner = f"{place}.{key}" if place else key
        value = _located(child, loader, printable(inner, 100), source)
        # an empty or short value is where its key is
        found[key] = Located(value.value, here.line, value.place, source)
    return Located(found, line, place, source)


def _not_yaml(source: str, error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    line = f":{mark.line + 1}" if mark else ""
    return f"{source}{line}: not readable as YAML: {printable(error.problem or error.context, 200)}"
