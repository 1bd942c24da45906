"""`evonas table`: benchmark tables, what they hold and what they answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli import table_files, table_importance
from evonas.cli.options import count_option, seed_option
from evonas.cli.output import AsJson, print_json, print_table, say
from evonas.cli.table_files import SpaceName, TablePath, Where
from evonas.numbers import parse_number
from evonas.objectives import need_sizes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evonas.table import BenchmarkTable

app = typer.Typer(no_args_is_help=True)
app.command()(table_files.export)
app.command("import")(table_files.import_)
app.command()(table_files.merge)
app.command()(table_files.compact)
app.command()(table_files.repair)
app.command()(table_importance.importance)

Columns = Annotated[str | None, typer.Option(help="Columns, separated by commas; default: all.")]
Limit = Annotated[int, count_option("Maximum number of rows.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the tables that come with evonas; every command takes their names."""
    from evonas.table import open_table, shipped_tables

    opened = {name: (path, open_table(path)) for name, path in shipped_tables().items()}
    listed: list[dict[str, Any]] = [
        {
            "name": name,
            "rows": len(table),
            "spaces": list(table.spaces),
            "title": table.card.get("title", ""),
            "path": str(path),
        }
        for name, (path, table) in opened.items()
    ]
    if as_json:
        print_json({"tables": listed})
        return
    rows = [[t["name"], f"{t['rows']:,}", ", ".join(t["spaces"]), t["title"]] for t in listed]
    print_table(["table", "rows", "spaces", "title"], rows)


@app.command()
def info(table: TablePath, as_json: AsJson = False) -> None:
    """Show a table's data card: what it holds, from where, how much of it."""
    from evonas.table import open_table

    card = open_table(table).info()
    if as_json:
        print_json(card)
        return
    spaces = ", ".join(f"{name} {rows}" for name, rows in card["spaces"].items())
    say(
        f"{table}: {card['rows']} rows ({spaces or 'empty'}) in {card['parts']} parts, "
        f"checksum {card['checksum']}"
    )
    for key, text in card["card"].items():
        say(f"{key}: {text}")
    if card["sha256"]:
        say(f"sha256: {card['sha256']}")
    if not card["columns"]:
        return
    print_table(
        ["column", "space", "unit", "better", "source", "filled", "min", "max"],
        [
            [
                *(column[key] for key in ("name", "space", "unit")),
                {"min": "lower", "max": "higher"}.get(column["direction"], ""),
                column["source"],
                str(column["filled"]),
                *("" if v is None else f"{v:.6g}" for v in (column["min"], column["max"])),
            ]
            for column in card["columns"]
        ],
    )
    for text, names in _by_provenance(card["columns"]).items():
        say(f"{', '.join(names)}: {text}")


def _by_provenance(columns: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The names of the columns by what their provenance says beyond the source."""
    found: dict[str, list[str]] = {}
    for column in columns:
        rest = {key: text for key, text in column["provenance"].items() if key != "source"}
        if rest:
            text = ", ".join(f"{key} {value}" for key, value in rest.items())
            found.setdefault(text, []).append(column["name"])
    return found


@app.command()
def verify(
    table: TablePath,
    predictions: Annotated[bool, typer.Option(help="Predict latencies again.")] = True,
    scores: Annotated[int, count_option("Rows to score again, drawn at random.", least=0)] = 0,
    data: Annotated[Path | None, typer.Option(help="COCO-format folder to score on.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Supernet; by default the shipped one.")
    ] = None,
    seed: Annotated[int, seed_option("Seed for choosing the rows to score.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Read everything, recompute what can be; exit code 3 if anything is wrong."""
    from evonas.errors import ConfigurationError
    from evonas.table import open_table, verify_table

    opened = open_table(table)
    checks: list[Any] = []
    if predictions:
        from evonas.scoring.recompute import check_predictions

        checks.append(check_predictions)
    if scores:
        checks.append(_score_check(opened, scores, seed, weights, data))
    elif data or weights:
        raise ConfigurationError("--data and --weights are for --scores N: give it, too")
    problems = verify_table(opened, checks)
    if as_json:
        print_json({"rows": len(opened), "problems": problems})
    else:
        for problem in problems:
            say(problem)
        say(f"{table}: {len(opened)} rows, {len(problems) or 'no'} problems")
    if problems:
        raise typer.Exit(3)


def _score_check(
    opened: "BenchmarkTable", sample: int, seed: int, weights: Path | None, data: Path | None
) -> Any:
    """Returns the check that scores rows again.

    Raises:
        EvonasError: What scores is not there; that says nothing of the table.
    """
    from evonas.scoring import ScorerOptions, load_scorer
    from evonas.scoring.recompute import ScoreCheck
    from evonas.space import load_space

    checks = {}
    for name in opened.spaces:
        by_size = need_sizes(opened.columns(name))
        options = ScorerOptions(load_space(name), weights, data, by_size=by_size)
        scorer = load_scorer("supernet", options)
        assert scorer
        checks[name] = ScoreCheck(scorer, sample, seed)

    def check(table: "BenchmarkTable", space: Any) -> list[str]:
        return checks[space.name](table, space)

    return check


@app.command()
def query(
    table: TablePath,
    arch: Annotated[list[str] | None, typer.Argument(help="Architectures, by arch_id.")] = None,
    where: Where = None,
    columns: Columns = None,
    sort: Annotated[str | None, typer.Option(help="Column; its best rows come first.")] = None,
    worst: Annotated[bool, typer.Option(help="With --sort: the worst rows first.")] = False,
    sample: Annotated[int | None, count_option("Draw this many rows at random.")] = None,
    seed: Annotated[int, seed_option("Seed of the draw.")] = 0,
    limit: Annotated[
        int | None, count_option("Maximum number of rows; default: 20, or all that are drawn.")
    ] = None,
    space: SpaceName = None,
    as_json: AsJson = False,
) -> None:
    """Show rows: those named, those that meet a condition, the best, or some at random."""
    import numpy as np

    from evonas.errors import ConfigurationError
    from evonas.table import open_table

    opened = open_table(table)
    if arch and (where or sort or sample):
        raise ConfigurationError("name rows either by arch_id or by a condition, not by both")
    if sample and sort:
        raise ConfigurationError("rows are sorted or drawn at random, not both")
    if worst and not sort:
        raise ConfigurationError("--worst needs --sort COLUMN, by which rows are the worst")
    if arch:
        space = space or arch[0].partition(":")[0]
        rows = _found(opened, arch, space)
    elif sort:
        rows = opened.top(sort, None, where, space, worst=worst)
    elif sample:
        rows = opened.sample(sample, np.random.default_rng(seed), where, space)
    else:
        rows = opened.where(where, space)
    names = columns.split(",") if columns else opened.columns(space)
    shown = rows[: limit or sample or 20]
    _show(opened, shown, names, space, as_json, n=len(rows))
    if not as_json:
        say(f"{len(shown)} of {len(rows)} rows")


def _found(table: "BenchmarkTable", arch_ids: Sequence[str], space: str) -> "NDArray[np.intp]":
    from evonas.errors import DataError
    from evonas.space import load_space

    rows = table.find(load_space(space).genotypes(arch_ids), space)
    if (rows < 0).any():
        raise DataError(f"{table.path}: has no {arch_ids[int((rows < 0).argmax())]}")
    return rows


@app.command()
def front(
    table: TablePath,
    objectives: Annotated[
        str, typer.Option(help="Columns, separated by commas.")
    ] = "map,latency:cpu-xnnpack",
    where: Where = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="Worst corner for a hypervolume of your own: one value per objective; default: "
            "the normalised hypervolume, as searches tell it."
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="Further columns, separated by commas; with --json all by default."),
    ] = None,
    space: SpaceName = None,
    as_json: AsJson = False,
) -> None:
    """Show the Pareto front of a table, and its hypervolume."""
    from evonas.table import open_table

    opened = open_table(table)
    names = objectives.split(",")
    rows = opened.front(names, where, space)
    further = columns.split(",") if columns else opened.columns(space) if as_json else []
    others = [name for name in further if name not in names]
    records = _records(opened, rows, [*names, *others], space)
    if reference is not None:
        volume: float | None = opened.hypervolume(names, _floats(reference), where, space)
    else:
        volume = _normalised(opened, rows, names, space)
    if as_json:
        print_json({"front": records, **({} if volume is None else {"hypervolume": volume})})
        return
    _print_records(records, [*names, *others])
    say(f"{len(rows)} on the front{'' if volume is None else f', hypervolume {volume:.6g}'}")


def _normalised(
    table: "BenchmarkTable", rows: "NDArray[np.intp]", names: list[str], space: str | None
) -> float | None:
    """Returns the normalised hypervolume of rows; None where it is not defined."""
    import numpy as np

    from evonas.errors import ConfigurationError
    from evonas.objectives import load_objective
    from evonas.search.hypervolume import normalised_hypervolume, worst_corner
    from evonas.space import load_space

    try:
        objectives = [load_objective(name) for name in names]
        worst = worst_corner(load_space(table.only_space(space)), objectives)
    except ConfigurationError:
        return None
    values = np.stack([table.column(name, space)[rows] for name in names], axis=1)
    return normalised_hypervolume(values, objectives, worst)


@app.command()
def neighbours(
    table: TablePath,
    arch: Annotated[str, typer.Argument(help="Architecture, by arch_id.")],
    distance: Annotated[int, count_option("Genes that may differ.")] = 1,
    columns: Columns = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show the architectures of a table that differ from one in few genes."""
    from evonas.table import neighbours as find_neighbours
    from evonas.table import open_table

    opened, space = open_table(table), arch.partition(":")[0]
    rows, differing = find_neighbours(opened, arch, distance)
    names = columns.split(",") if columns else opened.columns(space)
    further = {"distance": differing[:limit].tolist()}
    _show(opened, rows[:limit], names, space, as_json, n=len(rows), further=further)
    if not as_json:
        say(f"{min(len(rows), limit)} of {len(rows)} neighbours of {arch}")


@app.command()
def stats(
    table: TablePath,
    column: Annotated[str, typer.Option(help="Column.")] = "map",
    where: Where = None,
    space: SpaceName = None,
    as_json: AsJson = False,
) -> None:
    """Show a column's statistics for every op and width at every position."""
    from dataclasses import asdict

    from evonas.table import choice_statistics, open_table

    found = choice_statistics(open_table(table), column, where, space)
    if as_json:
        print_json({"column": column, "choices": [asdict(entry) for entry in found]})
        return
    print_table(
        ["gene", "choice", "n", "mean", "std", "min", "max"],
        [
            [
                entry.gene,
                entry.choice,
                str(entry.n),
                *(f"{v:.6g}" for v in (entry.mean, entry.std, entry.low, entry.high)),
            ]
            for entry in found
        ],
    )


def _floats(text: str) -> list[float]:
    from evonas.errors import ConfigurationError

    try:
        return [parse_number(value) for value in text.split(",")]
    except ValueError:
        raise ConfigurationError(f"--reference {text!r}: numbers separated by commas") from None


def _show(
    table: "BenchmarkTable",
    rows: "NDArray[np.intp]",
    names: Sequence[str],
    space: str | None,
    as_json: bool,
    n: int,
    further: dict[str, list[Any]] | None = None,
) -> None:
    """Prints rows, with further values beside the table's, for people or as JSON."""
    records = _records(table, rows, names, space)
    for name, values in (further or {}).items():
        for record, value in zip(records, values, strict=True):
            record[name] = value
    if as_json:
        print_json({"n": n, "rows": records})
    else:
        _print_records(records, [*(further or {}), *names])


def _records(
    table: "BenchmarkTable", rows: "NDArray[np.intp]", names: Sequence[str], space: str | None
) -> list[dict[str, Any]]:
    """Returns the rows as JSON values, `arch_id` first."""
    from evonas.space import load_space

    columns = {name: table.column(name, space)[rows].tolist() for name in names}
    arch_ids = load_space(table.only_space(space)).arch_ids(table.genotypes(space)[rows])
    return [
        {"arch_id": arch_id, **{name: columns[name][i] for name in names}}
        for i, arch_id in enumerate(arch_ids)
    ]


def _print_records(records: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
    print_table(
        ["arch_id", *names],
        [[record["arch_id"], *(f"{record[name]:.6g}" for name in names)] for record in records],
    )
