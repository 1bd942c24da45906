"""What `evonas search` and `evonas demo` share: the run with its progress, files and front."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from evonas.cli.output import print_table

if TYPE_CHECKING:
    from evonas.search import Progress, SearchResult
    from evonas.table import BenchmarkTable


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """A search as the command line asks for it; see the options of `evonas search`."""

    space: str
    objectives: tuple[str, ...]
    table: Path
    out: Path
    where: tuple[str, ...] = ()
    algorithm: str = "nsga2"
    population: int = 24
    generations: int = 10
    seed: int = 0
    scorer: str = "supernet"
    weights: Path | None = None
    data: Path | None = None


def run(options: SearchOptions) -> tuple["SearchResult", dict[str, str]]:
    """Runs a search with its progress on stderr and writes its report.

    Returns:
        The result, and the source of each column.
    """
    from evonas.scoring import is_analytic
    from evonas.scoring.load import ScorerOptions, load_scorer
    from evonas.search import make_question, run_search

    question = make_question(options.space, options.objectives, options.where)
    needed = [name for name in question.columns if not is_analytic(name)]
    scorer = None
    if needed:
        scorer = load_scorer(
            options.scorer,
            ScorerOptions(question.space, needed, options.weights, options.data),
        )
    options.out.mkdir(parents=True, exist_ok=True)
    table = open_or_create(options.table)
    report, close = _progress_line()
    try:
        result = run_search(
            question.space,
            options.objectives,
            scorer=scorer,
            table=table,
            where=options.where,
            algorithm=options.algorithm,
            population=options.population,
            generations=options.generations,
            seed=options.seed,
            callback=report,
        )
    except KeyboardInterrupt:
        typer.echo(
            f"\ninterrupted: every score so far is in {options.table}; "
            "the same command goes on from there",
            err=True,
        )
        raise
    finally:
        close()
    settings = {name: _plain(getattr(options, name)) for name in options.__slots__}
    settings["provenance"] = dict(scorer.provenance) if scorer else {}
    _write(result, options, settings)
    source = settings["provenance"].get("source", "table")
    return result, {name: source for name in needed}


def open_or_create(path: Path) -> "BenchmarkTable":
    """Opens a table, or makes an empty one where there is none."""
    from evonas.table import create_table, open_table

    return open_table(path) if path.exists() else create_table(path)


def _write(result: "SearchResult", options: SearchOptions, settings: dict[str, Any]) -> None:
    from evonas.cli.figure import front_figure
    from evonas.search.panels import front_data
    from evonas.search.report import front_csv, run_record, write_text

    record = json.dumps(run_record(result, settings), indent=2)
    write_text(options.out / "run.json", record + "\n")
    write_text(options.out / "front.csv", front_csv(result))
    title = f"{options.space}: {' against '.join(options.objectives)}"
    figure = front_figure(front_data(result), title)
    write_text(options.out / "front.html", figure.to_html(include_plotlyjs=True))


def summary(result: "SearchResult") -> dict[str, Any]:
    """Returns the JSON object of a search."""
    return {
        "front": result.rows(),
        "hypervolume": result.hypervolume,
        "scored": result.scored,
        "cached": result.cached,
        "seconds": round(result.seconds, 3),
    }


def print_front(result: "SearchResult", sources: dict[str, str]) -> None:
    """Prints the front, each column with its unit and source."""
    columns = list(result.archive.columns)
    print_table(
        ["arch_id", *(f"{name} [{_source(name, sources)}]" for name in columns)],
        [
            [str(row["arch_id"]), *(_show(name, float(row[name])) for name in columns)]
            for row in result.rows()
        ],
    )
    typer.echo(
        f"{len(result.front)} on the front of {int(result.archive.feasible.sum())}, "
        f"hypervolume {result.hypervolume:.6g}; {result.scored} scored, "
        f"{result.cached} from the table, {result.seconds:.1f} s"
    )


def _source(name: str, sources: dict[str, str]) -> str:
    if name in sources:
        return sources[name]
    return "ms, predicted" if name.startswith("latency:") else "analytic"


def _show(name: str, value: float) -> str:
    if name in ("madds", "params"):
        return f"{value / 1e6:.3f} M"
    return f"{value:.4f}" if value < 10 else f"{value:.2f}"


def _progress_line() -> tuple[Callable[["Progress"], None], Callable[[], None]]:
    """Returns what shows the progress and what ends its line; a terminal's line is rewritten."""
    live = sys.stderr.isatty()
    shown = -1

    def report(progress: "Progress") -> None:
        nonlocal shown
        if not live and progress.generation == shown:
            return
        shown = progress.generation
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        typer.echo(
            ("\r\x1b[K" if live else "")
            + f"generation {progress.generation}/{progress.generations}  "
            f"hypervolume {progress.hypervolume:.5g}  new {progress.scored}  "
            f"cached {progress.cached}  left {minutes}:{seconds:02d}",
            err=True,
            nl=not live,
        )

    return report, lambda: typer.echo(err=True) if live else None


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
