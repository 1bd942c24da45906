"""Ctrl-C in long commands: what there is is kept, and the user is told where."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from evonas.limits import printable_lines

_SAID = "the user has been told what is kept"


@contextmanager
def keeps(what: Callable[[], str]) -> Iterator[None]:
    """Says on Ctrl-C what is kept of the block's work, and where; the command then ends with 130.

    Args:
        what: Called when it happens; it completes the sentence "interrupted: ...".
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        say_interrupted(interrupt, what())
        raise


def say_interrupted(interrupt: KeyboardInterrupt, what: str) -> None:
    """Says what is kept, once for each interrupt however many blocks it leaves."""
    if _SAID not in getattr(interrupt, "__notes__", ()):
        interrupt.add_note(_SAID)
        typer.echo(printable_lines(f"\ninterrupted: {what}"), err=True)


def interrupt_of(error: BaseException | None) -> KeyboardInterrupt | None:
    """Returns the interrupt by which an error came about, if it did."""
    for _ in range(10):
        if error is None or isinstance(error, KeyboardInterrupt):
            return error
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def remembered_signals(says: str = "") -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM for the block; a second one ends the process at once.

    Args:
        says: Told to the user at the first one.
    """
    caught: list[int] = []

    def remember(number: int, frame: object) -> None:
        if caught:
            typer.echo("\nstopped at once: what was saved before is kept", err=True)
            sys.exit(130)
        caught.append(number)
        if says:
            typer.echo(f"\n{says}", err=True)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, remember) for number in numbers]
    try:
        yield caught
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
