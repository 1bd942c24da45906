"""The commands of `evonas table` that write tables and files of other formats."""

from pathlib import Path
from typing import Annotated

import typer

TablePath = Annotated[
    Path,
    typer.Argument(metavar="TABLE", help="Folder of parts, a file, or a shipped table's name."),
]
SpaceName = Annotated[str | None, typer.Option(help="Its space, where a table has several.")]
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
    from evonas.table import export_rows, open_table, write_table

    opened = open_table(table)
    if out.suffix == ".h5":
        if where or space or columns:
            raise ConfigurationError(
                "an HDF5 file holds the whole table: no --where, no --columns, no --space"
            )
        write_table(out, opened)
        count = len(opened)
    else:
        rows = opened.where(where, space) if where else None
        names = columns.split(",") if columns else None
        count = export_rows(opened, out, rows, names, space)
    typer.echo(f"{out}: {count} rows")


def import_(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Folder; made if not there.")],
    files: Annotated[list[Path], typer.Argument(help=".csv, .jsonl or .parquet files.")],
    source: Annotated[
        str | None, typer.Option(help="Source of the values, where a file does not tell.")
    ] = None,
) -> None:
    """Add the rows of files of other formats to a table."""
    from evonas.cli.searching import open_or_create
    from evonas.table import import_rows

    opened = open_or_create(table)
    provenance = {"source": source} if source else None
    for file in files:
        count = import_rows(opened, file, provenance)
        typer.echo(f"{file}: {count} rows")
    typer.echo(f"{table}: {len(opened)} rows")


def merge(
    target: Annotated[Path, typer.Argument(help="Folder; made if it is not there.")],
    sources: Annotated[list[Path], typer.Argument(help="Tables whose rows it gets.")],
    conflict: Annotated[
        str, typer.Option(help="Where values differ: refuse, keep (the target's) or replace.")
    ] = "refuse",
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=LABEL", help="Name a sources' column COLUMN@LABEL."),
    ] = None,
) -> None:
    """Copy the rows of tables into another one."""
    from evonas.cli.searching import open_or_create
    from evonas.errors import ConfigurationError
    from evonas.table import merge_tables, open_table

    labels = dict(entry.partition("=")[::2] for entry in label or [])
    if not all(labels.values()):
        raise ConfigurationError("--label takes COLUMN=LABEL, for example map=street")
    tables = [open_table(source) for source in sources]
    merged = open_or_create(target)
    merge_tables(merged, tables, conflict, labels)
    merged.compact()
    typer.echo(f"{target}: {len(merged)} rows")


def compact(table: TablePath) -> None:
    """Merge the parts of a table into one; others may read and append meanwhile."""
    from evonas.table import open_table

    opened = open_table(table)
    opened.compact()
    typer.echo(f"{table}: {len(opened)} rows in {opened.n_parts} part")
