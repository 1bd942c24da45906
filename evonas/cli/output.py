"""What the commands share: the `--json` option and tables for people."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from evonas.json_values import without_nan

_PIPE_WIDTH = 500  # characters; what is piped is not cut to a screen

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def print_json(value: Any) -> None:
    """Prints one JSON object on stdout; NaN, which JSON lacks, becomes null."""
    typer.echo(json.dumps(without_nan(value)))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Prints rows on stdout, first column left-aligned and never cut, others right-aligned."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left")
    for index, heading in enumerate(headings):
        widest = max([len(heading), *(len(row[index]) for row in rows)])
        table.add_column(
            Text(heading),
            justify="right" if index else "left",
            no_wrap=True,
            min_width=None if index else widest,  # an identifier that is cut cannot be copied
        )
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)
