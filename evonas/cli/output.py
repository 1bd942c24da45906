"""What the commands share: the `--json` option and tables for people."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from evonas.json_values import without_nan
from evonas.limits import printable_lines

_PIPE_WIDTH = 500  # characters; what is piped is not cut to a screen

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def print_json(value: Any) -> None:
    """Prints one JSON object on stdout; NaN and infinity, which JSON lacks, become null."""
    typer.echo(json.dumps(without_nan(value), allow_nan=False))


def say(text: str) -> None:
    """Prints text that may hold names from files; what a terminal would obey is escaped."""
    typer.echo(printable_lines(text))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Prints rows on stdout, the first column never cut, columns of numbers right-aligned.

    What a terminal would obey in them is shown escaped: names may come from files.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [[printable_lines(cell) for cell in row] for row in rows]
    table = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left")
    for index, heading in enumerate(headings):
        cells = [row[index] for row in rows if row[index]]
        widest = max([len(heading), *map(len, cells)])
        numbers = index > 0 and all(cell[0] in "+-.0123456789" or cell == "nan" for cell in cells)
        table.add_column(
            Text(heading),
            justify="right" if numbers else "left",
            no_wrap=True,
            min_width=None if index else widest,  # an identifier that is cut cannot be copied
        )
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)
