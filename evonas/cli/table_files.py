"""The commands of `evonas table` that write tables and files of other formats."""

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.options import space_option
from evonas.cli.output import AsJson, print_json, say

TablePath = Annotated[
    Path,
    typer.Argument(metavar="TABLE", help="Folder of parts, a file, or a shipped table's name."),
]
SpaceName = Annotated[str | None, space_option("Space, if the table has several.")]
Where = Annotated[str | None, typer.Option(help="Condition such as 'map > 0.3 and madds < 2e7'.")]


def export(
    table: TablePath,
    out: Annotated[Path, typer.Option(help="A .csv, .jsonl, .parquet or .h5 file.")],
    where: Where = None,
    columns: Annotated[str | None, typer.Option(help="Columns; default: all.")] = None,
    space: SpaceName = None,
) -> None:
    """Write a table as CSV, JSON lines or Parquet, or as a single HDF5 file."""
    from evonas.errors import ConfigurationError
    from evonas.files import check_place
    from evonas.table import export_rows, open_table, write_table

    opened = open_table(table)
    if out.suffix == ".h5":
        if where or space or columns:
            raise ConfigurationError(
                "an HDF5 file holds the whole table: no --where, no --columns, no --space"
            )
        check_place(out, open_table, "table")
        write_table(out, opened)
        count = len(opened)
    else:
        rows = opened.where(where, space) if where else None
        names = columns.split(",") if columns else None
        count = export_rows(opened, out, rows, names, space)
    say(f"{out}: {count} rows")


def import_(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Folder; created if missing.")],
    files: Annotated[list[Path], typer.Argument(help=".csv, .jsonl or .parquet files.")],
    source: Annotated[
        str | None, typer.Option(help="Source of the values, if a file does not say.")
    ] = None,
    conflict: Annotated[
        str,
        typer.Option(help="Where one architecture has two values: refuse, keep or replace."),
    ] = "refuse",
) -> None:
    """Add the rows of files of other formats to a table."""
    from evonas.table import import_rows, open_or_create

    opened = open_or_create(table)
    provenance = {"source": source} if source else None
    for file in files:
        count = import_rows(opened, file, provenance, conflict)
        say(f"{file}: {count} rows")
    say(f"{table}: {len(opened)} rows")


def merge(
    target: Annotated[Path, typer.Argument(help="Folder; created if missing.")],
    sources: Annotated[list[Path], typer.Argument(help="Tables whose rows are copied.")],
    conflict: Annotated[
        str, typer.Option(help="Where values differ: refuse, keep (the target's) or replace.")
    ] = "refuse",
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=LABEL", help="Store the sources' column as COLUMN@LABEL."),
    ] = None,
) -> None:
    """Copy the rows of tables into another one."""
    from evonas.errors import ConfigurationError
    from evonas.table import merge_tables, open_or_create, open_table

    labels = dict(entry.partition("=")[::2] for entry in label or [])
    if not all(labels.values()):
        raise ConfigurationError("--label takes COLUMN=LABEL, for example map=street")
    tables = [open_table(source) for source in sources]
    merged = open_or_create(target)
    merge_tables(merged, tables, conflict, labels)
    merged.compact()
    say(f"{target}: {len(merged)} rows")


def compact(table: TablePath) -> None:
    """Merge the parts of a table into one; others may read and append meanwhile."""
    from evonas.table import open_table

    opened = open_table(table)
    opened.compact()
    say(f"{table}: {len(opened)} rows in {opened.n_parts} part")


def repair(table: TablePath, as_json: AsJson = False) -> None:
    """Move damaged and contradicting parts into TABLE/withdrawn, so that the table opens."""
    from evonas.table import open_table, repair_table

    moved = repair_table(table)
    rows = len(open_table(table))
    if as_json:
        print_json({"rows": rows, "withdrawn": moved})
        return
    for name, reason in moved.items():
        say(f"{name}: {reason}")
    place = f", moved to {table / 'withdrawn'}" if moved else ""
    say(f"{table}: {rows} rows; {len(moved) or 'no'} parts were at fault{place}")
