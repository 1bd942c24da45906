"""`evonas bench`: search algorithms compared on the benchmark's problems."""

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.interrupts import keeps
from evonas.cli.options import count_option, processes_option
from evonas.cli.output import AsJson, print_json
from evonas.limits import MAX_POPULATION

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Compare search algorithms on the problems."""


@app.command()
def compare(
    problems: Annotated[
        str, typer.Option(help="Names, separated by commas; 'pico/*' is all of a space.")
    ] = "pico/u55,nano/u55",
    algorithms: Annotated[
        str,
        typer.Option(help="Names, separated by commas; the others are compared with the first."),
    ] = "nsga2,pymoo-nsga2,nsga3,moead,smsemoa,evolution,tunas,random",
    seeds: Annotated[int, count_option("Runs per algorithm and problem, with seeds from 0.")] = 31,
    evaluations: Annotated[int, count_option("Of each run.", least=2)] = 1500,
    population: Annotated[
        int, count_option("Evaluations asked for at once, roughly.", 2, MAX_POPULATION)
    ] = 50,
    fewer: Annotated[
        list[str] | None,
        typer.Option(help="ALGORITHM=EVALUATIONS for one algorithm; may be repeated."),
    ] = None,
    workers: Annotated[int, processes_option("Processes.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder for runs and report.")] = Path("runs/bench"),
    as_json: AsJson = False,
) -> None:
    """Run what is missing, then write report.html, runs.csv, curves.csv and runs.parquet."""
    import contextlib
    import math

    from evonas.benchmark.compare import Plan
    from evonas.benchmark.compare import compare as run_all
    from evonas.benchmark.raw import succeeded, write_raw
    from evonas.benchmark.report import GOAL, Comparison, curves_csv, html, runs_csv, warnings
    from evonas.benchmark.statistics import contrasts
    from evonas.errors import MissingPackageError
    from evonas.files import write_atomically

    plan = Plan(
        _matching(_names(problems)),
        _names(algorithms),
        seeds,
        evaluations,
        population,
        _numbers(fewer or []),
    )
    for text in warnings(plan):
        typer.echo(text, err=True)
    kept = f"finished runs are in {out / 'runs'}; the same command does the others"
    with keeps(lambda: kept):
        results = run_all(plan, out, workers, _tell)
    comparison = Comparison(plan, results)
    for name, text in (
        ("report.html", html(comparison)),
        ("runs.csv", runs_csv(comparison)),
        ("curves.csv", curves_csv(comparison)),
    ):
        write_atomically(out / name, text.encode())
    with contextlib.suppress(MissingPackageError):  # the other files say the same, rounded
        write_raw(out / "runs.parquet", succeeded(results))
    failed = sum(bool(result.error) for result in results)
    if as_json:
        contrasted = contrasts(comparison.mean(), plan.problems, plan.algorithms)
        rows = []
        for c in contrasted:
            reached = comparison.reached(c.problem, c.algorithm)
            rows.append(
                {
                    "problem": c.problem,
                    "algorithm": c.algorithm,
                    "mean_hypervolume": c.median,
                    f"to_{GOAL:g}": reached if math.isfinite(reached) else None,
                    "a12": c.effect,
                    "p": c.p,
                }
            )
        print_json({"runs": len(results), "failed": failed, "contrasts": rows})
        return
    typer.echo(f"{len(results)} runs, {failed} failed; {out / 'report.html'}")


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet, a row an evaluation.")],
    as_json: AsJson = False,
) -> None:
    """Check a file of another algorithm's runs and lay it beside ours.

    Columns: problem, version, algorithm, seed, evaluation, arch_id, values (what was seen, with
    spaces between). See "Handing in a result" in the page on the benchmark.
    """
    import math

    from evonas.benchmark.raw import raw_path, read_raw
    from evonas.benchmark.submission import beside, read_submission, remarks
    from evonas.cli.output import print_table

    theirs = read_submission(file)
    table = beside(theirs, read_raw(raw_path()) if raw_path().exists() else [])
    told = remarks(theirs, table)
    if as_json:
        rows = [
            {
                "problem": row.problem,
                "algorithm": row.ours or theirs[0].key.algorithm,
                "submitted": not row.ours,
                "mean_hypervolume": row.mean_hypervolume,
                "to_0.99": row.to_99 if math.isfinite(row.to_99) else None,
                "shared_seeds": row.shared,
                "a12": row.effect,
                "p": row.p,
            }
            for row in table
        ]
        print_json({"runs": len(theirs), "remarks": told, "problems": rows})
        return
    print_table(
        ["problem", "algorithm", "mean hypervolume", "to 99 %", "A12", "p, paired, Holm"],
        [
            [
                row.problem,
                row.ours or f"{theirs[0].key.algorithm} (submitted)",
                f"{row.mean_hypervolume:.4f}",
                f"{row.to_99:g}" if math.isfinite(row.to_99) else "not reached",
                f"{row.effect:.2f}" if row.ours and row.shared else "",
                f"{row.p:.2g}" if row.ours and row.shared else "",
            ]
            for row in table
        ],
    )
    for text in told:
        typer.echo(text, err=True)
    evaluations = sum(run.key.evaluations for run in theirs)
    typer.echo(f"{len(theirs)} runs, {evaluations:,} evaluations: every value is the problem's")


def _tell(done: int, total: int) -> None:
    if done % max(1, total // 20) == 0 or done == total:
        typer.echo(f"{done} of {total} runs", err=True)


def _names(given: str) -> tuple[str, ...]:
    """Returns names that were given with commas, each once."""
    return tuple(dict.fromkeys(name.strip() for name in given.split(",")))


def _matching(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns names with each pattern replaced by the problems that it fits."""
    from fnmatch import filter as matching

    from evonas.benchmark import list_problems

    known = list_problems()
    # What fits nothing stays: loading it says what is allowed.
    return tuple(dict.fromkeys(found for n in names for found in matching(known, n) or [n]))


def _numbers(given: list[str]) -> dict[str, int]:
    from evonas.errors import ConfigurationError

    numbers = {}
    for entry in given:
        algorithm, _, number = entry.partition("=")
        if not number.isdecimal():
            raise ConfigurationError(f"--fewer {entry!r}: must be ALGORITHM=EVALUATIONS")
        numbers[algorithm] = int(number)
    return numbers
