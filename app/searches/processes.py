"""Searches that the app starts: a folder each, a process each, seen through files alone.

`runs/NAME/search.json` says what was asked for; the process is `evonas search ... --out
runs/NAME`, which writes `progress.jsonl` and, at the end, `run.json`.
"""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from app.shared import background as process
from app.shared.settings import RUNS, find_data, refuse_if_read_only, without_places
from evonas.errors import ConfigurationError, SchemaError
from evonas.files import write_atomically
from evonas.search import SearchSpec, make_spec

MOST_RUNNING, MOST_POPULATION, MOST_GENERATIONS = 2, 500, 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_RECORD, _PROGRESS, _REQUEST = "run.json", "progress.jsonl", "search.json"
_FIGURES = ("generation", "generations", "evaluated", "hypervolume", "seconds", "seconds_left")

State = Literal["running", "finished", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a search is asked to do; see the options of `evonas search`.

    `data` is a name that `find_data` knows, or empty where nothing has to be scored.
    """

    name: str
    space: str
    objectives: tuple[str, ...]
    where: tuple[str, ...] = ()
    algorithm: str = SearchSpec.algorithm
    population: int = SearchSpec.population
    generations: int = SearchSpec.generations
    seed: int = SearchSpec.seed
    data: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A search as its folder shows it now.

    Attributes:
        name: Name of its folder.
        state: Whether it runs, or how it ended.
        request: What was asked for; None for one started on the command line.
        progress: A line for each generation and batch, as `evonas search` writes them.
        record: Its `run.json`, empty before the end.
        log: The last lines it wrote.
    """

    name: str
    state: State
    request: Request | None
    progress: list[dict[str, float]]
    record: Mapping[str, Any]
    log: str

    def settings(self) -> dict[str, Any]:
        """Returns what it ran with, but for the places where this machine keeps its files."""
        settings = dict(self.record.get("settings", asdict(self.request) if self.request else {}))
        for key in ("table", "out", "weights", "data"):
            settings.pop(key, None)
        return settings


def check(request: Request) -> None:
    """Refuses what may not be asked for.

    Raises:
        ConfigurationError: A name, number, objective or data set that is not allowed.
    """
    if not _NAME.fullmatch(request.name):
        raise ConfigurationError(
            f"name {request.name[:40]!r}: 1 to 40 lower-case letters, digits and hyphens are "
            "allowed"
        )
    for what, number, most in (
        ("population", request.population, MOST_POPULATION),
        ("generations", request.generations, MOST_GENERATIONS),
    ):
        if not 1 <= number <= most:
            raise ConfigurationError(f"{what} is {number}; allowed are 1 to {most}")
    spec = make_spec(
        request.space,
        request.objectives,
        request.where,
        request.algorithm,
        request.population,
        request.generations,
        request.seed,
    )
    if spec.scored and request.data not in find_data():
        raise ConfigurationError(
            f"{', '.join(spec.scored)} needs a data set: make one with "
            "`evonas data make digits --out data/digits`"
        )


def start(request: Request) -> None:
    """Starts a search in a process of its own, which outlives the app.

    Raises:
        ConfigurationError: Not allowed, the name is taken, or enough are running.
    """
    refuse_if_read_only()
    check(request)
    folder = RUNS / request.name
    if folder.exists():
        raise ConfigurationError(f"there is a run {request.name!r} already; choose another name")
    _refuse_if_enough_run()
    write_atomically(folder / _REQUEST, json.dumps(asdict(request), indent=1).encode())
    process.spawn(folder, command_line(request))


def resume(name: str) -> None:
    """Starts a search that ended early anew; it goes on from the scores in its table.

    Raises:
        ConfigurationError: There is no such search, it is running, or enough are.
    """
    refuse_if_read_only()
    request = load(name).request
    if request is None:
        raise ConfigurationError(f"{name} was not started here; start it where it was")
    check(request)
    _refuse_if_enough_run()
    for file in (_RECORD, _PROGRESS):
        (RUNS / name / file).unlink(missing_ok=True)
    process.spawn(RUNS / name, command_line(request))


def stop(name: str) -> None:
    """Ends a running search; every score that it has acknowledged stays in its table.

    Raises:
        ConfigurationError: There is no such search.
    """
    refuse_if_read_only()
    process.end(RUNS / load(name).name)


def list_searches() -> list[str]:
    """Returns the names of all searches, those that last wrote something first."""
    files = (_REQUEST, _RECORD, _PROGRESS)
    folders = [p for p in RUNS.glob("*/") if any((p / f).is_file() for f in files)]
    return [p.name for p in sorted(folders, key=lambda p: -p.stat().st_mtime)]


def load(name: str) -> Search:
    """Returns a search as it is now.

    Raises:
        ConfigurationError: There is no such search.
    """
    if name not in list_searches():
        raise ConfigurationError(f"there is no search {name[:40]!r}")
    folder = RUNS / name
    record, log = _json(folder / _RECORD), folder / process.LOG
    state: State = "finished" if record else "failed"
    if process.is_alive(folder):
        state = "running"
    elif process.was_stopped(folder):
        state = "stopped"
    return Search(
        name,
        state,
        _request(_json(folder / _REQUEST)),
        _progress(folder / _PROGRESS),
        record,
        without_places(log.read_text(errors="replace")[-4000:]) if log.exists() else "",
    )


def read_front(name: str) -> list[dict[str, Any]]:
    """Returns the front of a search, `arch_id` and numbers by name; empty before its end.

    Raises:
        ConfigurationError: There is no such search.
        SchemaError: The file is damaged.
    """
    path = RUNS / load(name).name / "front.csv"
    if not path.is_file():
        return []
    try:
        return [
            {k: v if k == "arch_id" else float(v) for k, v in row.items()}
            for row in csv.DictReader(path.read_text().splitlines())
        ]
    except (ValueError, TypeError, csv.Error) as error:
        raise SchemaError(f"{path}: not the front of a search ({error})") from error


def _refuse_if_enough_run() -> None:
    running = [name for name in list_searches() if process.is_alive(RUNS / name)]
    if len(running) >= MOST_RUNNING:
        raise ConfigurationError(
            f"{' and '.join(running)} are running; at most {MOST_RUNNING} searches run at once"
        )


def command_line(request: Request) -> list[str]:
    """Returns the arguments of `evonas` that run a search."""
    arguments = ["search", f"--objectives={','.join(request.objectives)}"]
    arguments += [f"--where={constraint}" for constraint in request.where]
    for option in ("space", "algorithm", "population", "generations", "seed"):
        arguments.append(f"--{option}={getattr(request, option)}")
    if request.data:
        arguments.append(f"--data={find_data()[request.data]}")
    return [*arguments, f"--out={RUNS / request.name}"]


def _request(found: Mapping[str, Any]) -> Request | None:
    try:
        lists = {key: tuple(found[key]) for key in ("objectives", "where")}
        return Request(**{**found, **lists})
    except (KeyError, TypeError):
        return None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _progress(path: Path) -> list[dict[str, float]]:
    """The whole lines of a progress file; the last may be half written."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(errors="replace").splitlines():
        try:
            line = json.loads(text)
            lines.append({name: float(line[name]) for name in _FIGURES})
        except (ValueError, TypeError, KeyError):
            break
    return lines
