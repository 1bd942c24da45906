"""Options that commands share, each checked in one place: what is refused ends with exit code 2."""

from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import typer

from evonas.errors import ConfigurationError
from evonas.numbers import read_number

MOST_SEED = 2**63 - 1
_MOST_COUNT = 10**9
_MOST_PROCESSES = 4096
_OVERLAP = 0.2  # share of a tile


def seed_option(help: str) -> Any:
    """Returns the option of a seed, 0 to 2**63 - 1."""
    return typer.Option(parser=_whole(0, MOST_SEED), metavar="SEED", help=help)


def space_option(help: str = "Space, by name or as a YAML file.") -> Any:
    """Returns the option of a space; a file's space is kept, and its name is what comes of it."""
    return typer.Option("--space", parser=_space_name, metavar="SPACE", help=help)


def _space_name(given: Any) -> str:
    from evonas.space import add_space
    from evonas.space.catalogue import is_space_file

    text = str(given)
    return add_space(Path(text)).name if is_space_file(text) else text


def count_option(help: str, least: int = 1, most: int = _MOST_COUNT, name: str = "") -> Any:
    """Returns the option of a whole number from `least` to `most`; named as its parameter."""
    names = (name,) if name else ()
    return typer.Option(*names, parser=_whole(least, most), metavar="N", help=help)


def processes_option(help: str, least: int = 1) -> Any:
    """Returns the option of a number of processes or threads."""
    return count_option(help, least, _MOST_PROCESSES)


def number_option(help: str, least: float, most: float) -> Any:
    """Returns the option of a finite number from `least` to `most`."""
    return typer.Option(parser=_number(least, most), metavar="NUMBER", help=help)


def refuse_steps_and_hours(changes: Sequence[str] | None, hours: float | None) -> None:
    """Refuses a number of steps beside a budget of time.

    Raises:
        ConfigurationError: Both are there.
    """
    from evonas.training.recipes import changed_fields

    if hours is not None and "steps" in changed_fields(changes or ()):
        raise ConfigurationError("--hours and --set steps=N exclude each other")


def overlap_option() -> Any:
    """Returns the option of what neighbouring tiles share; see `overlap_of_tiles`."""
    return number_option(
        f"With --tile: share that neighbours overlap by; default: {_OVERLAP}.", 0, 0.9
    )


def overlap_of_tiles(tile: int | None, overlap: float | None) -> float:
    """Returns the share that neighbouring tiles overlap by.

    Raises:
        ConfigurationError: It is given where there are no tiles.
    """
    if overlap is None:
        return _OVERLAP
    if tile is None:
        raise ConfigurationError("--overlap is that of tiles: give --tile, too, or leave it out")
    return overlap


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def read(given: Any) -> int:
        text = str(given)
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 20:
            number = int(text)
            if least <= number <= most:
                return number
        raise typer.BadParameter(f"{text[:40]!r}: a whole number from {least} to {most} is allowed")

    return read


def _number(least: float, most: float) -> Callable[[Any], float]:
    def read(given: Any) -> float:
        number = read_number(str(given))
        if number is None or not isfinite(number) or not least <= number <= most:
            raise typer.BadParameter(
                f"{str(given)[:40]!r}: a number from {least:g} to {most:g} is allowed"
            )
        return number

    return read
