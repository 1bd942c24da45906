"""What `evonas search` and `evonas demo` share: the run with its progress, files and front."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from evonas.cli.interrupts import say_interrupted
from evonas.cli.output import print_table
from evonas.durations import show_seconds
from evonas.objectives import need_sizes

if TYPE_CHECKING:
    from evonas.scoring import Scorer
    from evonas.search import Progress, SearchResult, SearchSpec
    from evonas.table import BenchmarkTable


LIVE_FRONT = "front-so-far.csv"  # of a search that runs; `front.csv` is of one that has ended
_LIVE_SECONDS = 1.0  # between two writings of it

# What makes a search another one; its number of generations does not.
_QUESTION = (
    "space", "objectives", "where", "algorithm", "population", "seed", "scorer", "weights", "data",
    "surrogate",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """A search with its files and its scorer; see the options of `evonas search`."""

    spec: "SearchSpec"
    table: Path
    out: Path
    scorer: str = "supernet"
    weights: Path | None = None
    data: Path | None = None
    surrogate: Path | None = None
    ray: str | None = None
    remeasure: bool = True

    def settings(self) -> dict[str, Any]:
        """Returns all of it as JSON values; of a search that scores nothing, no data."""
        own = {name: getattr(self, name) for name in self.__slots__ if name != "spec"}
        paths = {name: str(value) for name, value in own.items() if isinstance(value, Path)}
        unused = {} if self.spec.scored else dict.fromkeys(("weights", "data", "surrogate"))
        return self.spec.settings() | own | paths | unused


def run(options: SearchOptions) -> tuple["SearchResult", dict[str, str]]:
    """Runs a search with its progress on stderr and writes its report.

    Returns:
        The result, and the source of each scored column.
    """
    from evonas.scoring import ScorerOptions, load_scorer
    from evonas.scoring.load import check_scored
    from evonas.search import run_spec
    from evonas.table import open_or_create

    _refuse_other_search(options)
    spec, scorer = options.spec, None
    if spec.scored:
        check_scored(options.scorer, spec.scored)
        given = ScorerOptions(
            spec.space,
            options.weights,
            options.data,
            options.surrogate,
            by_size=need_sizes(spec.scored),
            ray=options.ray,
        )
        scorer = load_scorer(options.scorer, given)
    table = open_or_create(options.table) if scorer else _open_filled(options.table, spec)
    sources = _sources(table, spec, scorer)
    report, close = _progress(options.out)
    try:
        result = run_spec(
            spec,
            scorer=scorer,
            table=table,
            callback=report,
            on_generation=_live_front(options.out),
        )
    except KeyboardInterrupt as interrupt:
        say_interrupted(
            interrupt,
            f"every score so far is in {options.table}; the same command resumes from there",
        )
        raise
    finally:
        close()
    if options.remeasure:
        result = _remeasured(result, spec)
    settings = options.settings() | {"provenance": dict(scorer.provenance) if scorer else {}}
    shown = [f"{o.name} ({_source(o.name, sources)})" for o in spec.objectives]
    _write(result, options.out, settings, f"{spec.space.name}: {', '.join(shown)}")
    return result, sources


def _refuse_other_search(options: SearchOptions) -> None:
    """Refuses to write over the report of another search; more generations are the same one.

    Raises:
        ConfigurationError: The folder holds another search's report.
    """
    from evonas.errors import ConfigurationError, EvonasError
    from evonas.files import read_json

    path = options.out / "run.json"
    try:
        there = read_json(path, "a report").get("settings", {}) if path.exists() else {}
    except (EvonasError, AttributeError):  # damaged: nothing is lost with it
        return
    here = json.loads(json.dumps(options.settings()))
    other = [name for name in _QUESTION if name in there and there[name] != here[name]]
    if other:
        name = other[0]
        raise ConfigurationError(
            f"{options.out}: holds the report of another search ({name} {there[name]}, now "
            f"{here[name]}); name another folder with --out"
        )


def _remeasured(result: "SearchResult", spec: "SearchSpec") -> "SearchResult":
    """Measures the front on its devices and says what is over budget, unsure or off the front."""
    from evonas.search.finalists import OVER_BUDGET, STILL_FRONT, remeasure, within_tenth

    def report(device: str, done: int, total: int) -> None:
        if done == total:
            typer.echo(f"measured {total} finalists on {device}", err=True)

    result, remarks = remeasure(result, spec.constraints, report)
    for device, remark in remarks.items():
        typer.echo(f"{device}: {remark}", err=True)
    n = len(result.front)
    for device, (close, known) in within_tenth(result).items():
        typer.echo(f"{device}: {close} of {known} predictions within 10 %", err=True)
    if over := int(result.measured.get(OVER_BUDGET, np.zeros(1)).sum()):
        typer.echo(f"{over} of {n} finalists are over budget, measured", err=True)
    if STILL_FRONT in result.measured:
        still = int(result.measured[STILL_FRONT].sum())
        typer.echo(f"{still} of {n} are on the front by what was measured", err=True)
    return result


def _open_filled(path: Path, spec: "SearchSpec") -> "BenchmarkTable | None":
    """Opens the table of a search without a scorer; None if nothing needs to be looked up."""
    from evonas.errors import SchemaError
    from evonas.table import open_table

    if not spec.scored:
        return None
    table = open_table(path)
    if spec.space.name not in table.spaces:
        there = ", ".join(table.spaces) or "none"
        raise SchemaError(f"{path}: no rows of space {spec.space.name!r}; there: {there}")
    return table


def _sources(
    table: "BenchmarkTable | None", spec: "SearchSpec", scorer: "Scorer | None"
) -> dict[str, str]:
    """Returns the source of each scored column."""
    if scorer:
        return dict.fromkeys(scorer.columns, scorer.provenance.get("source", ""))
    if table is None:
        return {}
    return {name: table.provenance(name, spec.space).get("source", "") for name in spec.scored}


def _write(result: "SearchResult", out: Path, settings: dict[str, Any], title: str) -> None:
    from evonas.errors import MissingPackageError
    from evonas.figures.front import front_data, front_figure
    from evonas.files import write_atomically
    from evonas.search.report import front_csv, run_record

    record = json.dumps(run_record(result, settings), indent=2) + "\n"
    write_atomically(out / "run.json", record.encode())
    write_atomically(out / "front.csv", front_csv(result).encode())
    (out / LIVE_FRONT).unlink(missing_ok=True)
    try:
        page = front_figure(front_data(result), title).to_html(include_plotlyjs=True)
    except MissingPackageError as error:
        typer.echo(f"no picture of the front: {error}", err=True)
        return
    write_atomically(out / "front.html", page.encode())


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
    columns = _side_by_side(result)
    print_table(
        ["arch_id", *(_heading(name, sources) for name in columns)],
        [[str(row["arch_id"]), *(_cell(name, row) for name in columns)] for row in result.rows()],
    )
    typer.echo(
        f"{len(result.front)} on the front of {int(result.archive.feasible.sum())}, "
        f"hypervolume {result.hypervolume:.6g}; {result.scored} scored, "
        f"{result.cached} from the table, {result.seconds:.1f} s"
    )


def _side_by_side(result: "SearchResult") -> list[str]:
    """Returns the columns with each device's measured time beside its predicted one."""
    from evonas.search.finalists import ENDS, MEASURED, PREDICTED

    ends = tuple(end for pair in ENDS.values() for end in pair)
    rest = [name for name in result.measured if not name.startswith((MEASURED, *ends))]
    columns: list[str] = []
    for name in result.archive.columns:
        measured = name.replace(PREDICTED, MEASURED)
        columns += [name, measured] if measured in result.measured else [name]
    return [*columns, *rest]


def _cell(name: str, row: "dict[str, str | float]") -> str:
    """Returns a value, with the ends of its interval where they are known."""
    from evonas.search.finalists import ENDS

    shown = _show(name, float(row[name]))
    kind, colon, device = name.partition(":")
    ends = [end + device for end in ENDS.get(kind + colon, ())]
    if not ends or ends[0] not in row or np.isnan(float(row[name])):
        return shown
    return f"{shown} ({', '.join(_show(name, float(row[end])) for end in ends)})"


def _heading(name: str, sources: dict[str, str]) -> str:
    if name in ("over_budget", "too_large", "measured_front"):
        return name.replace("_", "\n")
    unit = "ms, " if name.startswith(("latency:", "latency_upper:", "measured:")) else ""
    return f"{name}\n{unit}{_source(name, sources)}"


def _source(name: str, sources: dict[str, str]) -> str:
    if name in sources:
        return sources[name]
    if name.startswith("measured:"):
        from evonas.latency import load_device

        return load_device(name.partition(":")[2]).source
    return "predicted" if name.startswith(("latency:", "latency_upper:", "fits:")) else "analytic"


def _show(name: str, value: float) -> str:
    if name in ("over_budget", "too_large", "measured_front"):
        return "yes" if value else ""
    if np.isnan(value):
        return "-"
    if name in ("madds", "params"):
        return f"{value / 1e6:.3f} M"
    if name in ("peak_memory", "flash"):
        return f"{value / 1e3:,.1f} kB"
    return f"{value:.4f}" if value < 10 else f"{value:.2f}"


def _progress(out: Path) -> tuple[Callable[["Progress"], None], Callable[[], None]]:
    """Returns what tells the progress, on stderr and in `progress.jsonl`, and what ends it.

    The file has a line for each generation and each batch of scores, so that others can watch.
    Where it cannot be written, the search goes on all the same: scores are worth more.
    """
    from contextlib import suppress
    from dataclasses import asdict

    show, end_line = _progress_line()
    path = out / "progress.jsonl"
    with suppress(OSError):
        out.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)

    def report(progress: "Progress") -> None:
        show(progress)
        with suppress(OSError), path.open("a") as file:
            file.write(json.dumps(asdict(progress)) + "\n")

    return report, end_line


def _live_front(out: Path) -> Callable[["SearchResult"], None]:
    """Returns what keeps the front so far in a file while a search runs, for others to watch."""
    import time
    from contextlib import suppress

    from evonas.errors import EvonasError
    from evonas.files import write_atomically
    from evonas.search.report import front_csv

    written = float("-inf")

    def write(result: "SearchResult") -> None:
        nonlocal written
        if time.monotonic() - written >= _LIVE_SECONDS:
            written = time.monotonic()
            with suppress(EvonasError, OSError):  # scores are worth more than a view of them
                write_atomically(out / LIVE_FRONT, front_csv(result).encode())

    return write


def _progress_line() -> tuple[Callable[["Progress"], None], Callable[[], None]]:
    """Returns what shows the progress and what ends its line; a terminal's line is rewritten."""
    live = sys.stderr.isatty()
    shown = -1

    def report(progress: "Progress") -> None:
        nonlocal shown
        if not live and progress.generation == shown:
            return
        shown = progress.generation
        typer.echo(
            ("\r\x1b[K" if live else "")
            + f"generation {progress.generation}/{progress.generations}  "
            f"hypervolume {progress.hypervolume:.5g}  new {progress.scored}  "
            f"cached {progress.cached}  left {show_seconds(progress.seconds_left)}",
            err=True,
            nl=not live,
        )

    return report, lambda: typer.echo(err=True) if live else None
