"""`evonas table`: benchmark tables."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evonas.table import BenchmarkTable

app = typer.Typer(no_args_is_help=True)

TablePath = Annotated[Path, typer.Argument(metavar="TABLE", help="Folder of parts, or a file.")]
SpaceName = Annotated[str | None, typer.Option(help="Its space, where a table has several.")]
Where = Annotated[str | None, typer.Option(help="Condition such as 'map > 0.3 and madds < 2e7'.")]


@app.command()
def info(table: TablePath, as_json: AsJson = False) -> None:
    """Show what a table holds."""
    from evonas.table import open_table

    card = open_table(table).info()
    if as_json:
        print_json(card)
        return
    spaces = ", ".join(f"{name} {rows}" for name, rows in card["spaces"].items())
    typer.echo(
        f"{table}: {card['rows']} rows ({spaces or 'empty'}) in {card['parts']} parts, "
        f"checksum {card['checksum']}"
    )
    print_table(
        ["column", "space", "unit", "source", "filled"],
        [
            [*(column[key] for key in ("name", "space", "unit", "source")), str(column["filled"])]
            for column in card["columns"]
        ],
    )


@app.command()
def verify(table: TablePath, as_json: AsJson = False) -> None:
    """Read everything and compute again what can be; exit code 3 if anything is wrong."""
    from evonas.table import open_table, verify_table

    opened = open_table(table)
    problems = verify_table(opened)
    if as_json:
        print_json({"rows": len(opened), "problems": problems})
    else:
        for problem in problems:
            typer.echo(problem)
        typer.echo(f"{table}: {len(opened)} rows, {len(problems) or 'no'} problems")
    if problems:
        raise typer.Exit(3)


@app.command()
def query(
    table: TablePath,
    where: Where = None,
    columns: Annotated[str | None, typer.Option(help="Columns; default: all.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 20,
    space: SpaceName = None,
    as_json: AsJson = False,
) -> None:
    """Show rows that meet a condition."""
    import numpy as np

    from evonas.table import open_table

    opened = open_table(table)
    rows = opened.where(where, space) if where else np.arange(len(opened.genotypes(space)))
    names = columns.split(",") if columns else opened.columns(space)
    records = _records(opened, rows[:limit], names, space)
    if as_json:
        print_json({"n": len(rows), "rows": records})
        return
    _print_records(records, names)
    typer.echo(f"{min(len(rows), limit)} of {len(rows)} rows")


@app.command()
def front(
    table: TablePath,
    objectives: Annotated[
        str, typer.Option(help="Columns, separated by commas.")
    ] = "map,latency:cpu-xnnpack",
    where: Where = None,
    space: SpaceName = None,
    as_json: AsJson = False,
) -> None:
    """Show the Pareto front of a table."""
    from evonas.table import open_table

    opened = open_table(table)
    names = objectives.split(",")
    rows = opened.front(names, where, space)
    others = [name for name in opened.columns(space) if name not in names]
    records = _records(opened, rows, [*names, *others], space)
    if as_json:
        print_json({"front": records})
        return
    _print_records(records, [*names, *others])
    typer.echo(f"{len(rows)} on the front")


@app.command()
def export(
    table: TablePath,
    out: Annotated[Path, typer.Option(help="A .csv, .json or .h5 file.")],
    where: Where = None,
    space: SpaceName = None,
) -> None:
    """Write a table as CSV or JSON, or as a single HDF5 file."""
    import json

    import numpy as np

    from evonas.errors import ConfigurationError
    from evonas.files import write_atomically
    from evonas.table import open_table, write_table

    opened = open_table(table)
    if out.suffix == ".h5":
        if where or space:
            raise ConfigurationError("an HDF5 file holds the whole table: no --where, no --space")
        write_table(out, opened)
        typer.echo(f"{out}: {len(opened)} rows")
        return
    if out.suffix not in (".csv", ".json"):
        raise ConfigurationError(f"{out}: the file's name must end in .csv, .json or .h5")
    rows = opened.where(where, space) if where else np.arange(len(opened.genotypes(space)))
    names = opened.columns(space)
    records = _records(opened, rows, names, space)
    text = json.dumps(records) if out.suffix == ".json" else _csv(records, names)
    write_atomically(out, text.encode())
    typer.echo(f"{out}: {len(records)} rows")


@app.command()
def merge(
    target: Annotated[Path, typer.Argument(help="Folder; made if it is not there.")],
    sources: Annotated[list[Path], typer.Argument(help="Tables whose rows it gets.")],
) -> None:
    """Copy the rows of tables into another one."""
    from evonas.cli.searching import open_or_create
    from evonas.space import load_space
    from evonas.table import open_table

    tables = [open_table(source) for source in sources]
    merged = open_or_create(target)
    for table in tables:
        for rows in table.merged():
            space = load_space(rows.space)
            for name, read in rows.columns.items():
                merged.append(
                    space, rows.genotypes, {name: read()}, provenance=rows.provenance[name]
                )
    merged.compact()
    typer.echo(f"{target}: {len(merged)} rows")


@app.command()
def compact(table: TablePath) -> None:
    """Merge the parts of a table into one; others may read and append meanwhile."""
    from evonas.table import open_table

    opened = open_table(table)
    opened.compact()
    typer.echo(f"{table}: {len(opened)} rows in one part")


def _records(
    table: "BenchmarkTable", rows: "NDArray[np.intp]", names: Sequence[str], space: str | None
) -> list[dict[str, Any]]:
    """Returns the rows as JSON values, `arch_id` first."""
    from evonas.space import load_space

    columns = {name: table.column(name, space)[rows].tolist() for name in names}
    [home] = [space] if space else table.spaces
    arch_ids = load_space(home).arch_ids(table.genotypes(space)[rows])
    return [
        {"arch_id": arch_id, **{name: columns[name][i] for name in names}}
        for i, arch_id in enumerate(arch_ids)
    ]


def _print_records(records: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
    print_table(
        ["arch_id", *names],
        [[record["arch_id"], *(f"{record[name]:.6g}" for name in names)] for record in records],
    )


def _csv(records: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arch_id", *names])
    for record in records:
        values = [record[name] for name in names]
        writer.writerow([record["arch_id"], *("" if v != v else v for v in values)])
    return text.getvalue()
