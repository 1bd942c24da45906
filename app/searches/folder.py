"""A search as its folder shows it; whoever runs it, it is seen through files alone.

`runs/NAME/search.json` says what was asked for; the process is `evonas search ... --out
runs/NAME`, which writes `progress.jsonl` and `front-so-far.csv`, at the end `front.csv` and
`run.json`.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from app.searches.request import Request, read_request
from app.shared.runs import State, read_log, state_of
from app.shared.settings import RUNS
from evonas.arrays import Floats
from evonas.errors import ConfigurationError, SchemaError

RECORD, PROGRESS, REQUEST, FRONT = "run.json", "progress.jsonl", "search.json", "front.csv"
_LIVE_FRONT = "front-so-far.csv"
_FIGURES = (
    "generation", "generations", "evaluated", "completed", "hypervolume", "seconds", "seconds_left",
)  # fmt: skip

Line = Mapping[str, float]


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
        started: When it was asked for, seconds since 1970.
    """

    name: str
    state: State
    request: Request | None
    progress: tuple[Line, ...]
    record: Mapping[str, Any]
    log: str
    started: float

    @property
    def asked(self) -> Request | None:
        """What was asked for, here or on the command line; None where no file says it."""
        settings = self.record.get("settings")
        known = settings if isinstance(settings, dict) else {}
        return self.request or read_request(known, self.name)

    @property
    def evaluated(self) -> int:
        """Networks evaluated."""
        return int(self.progress[-1]["evaluated"]) if self.progress else 0

    @property
    def hypervolume(self) -> float:
        """Normalised hypervolume of its front; NaN before there is one."""
        return self.progress[-1]["hypervolume"] if self.completed().size else float("nan")

    def completed(self) -> Floats:
        """Returns (n, 3) evaluations, seconds and hypervolume whenever a generation was done.

        The lines between generations are of batches of scores, and their hypervolume is that of
        the generation before.
        """
        whole = {
            line["completed"]: (line["completed"], line["seconds"], line["hypervolume"])
            for line in reversed(self.progress)
            if line["completed"] and line["evaluated"] == line["completed"]
        }
        return np.array(list(whole.values())[::-1], np.float64).reshape(-1, 3)

    def settings(self) -> dict[str, Any]:
        """Returns what it ran with, but for the places where this machine keeps its files."""
        settings = dict(self.record.get("settings", asdict(self.request) if self.request else {}))
        for key in ("table", "out", "weights", "data"):
            settings.pop(key, None)
        return settings


def list_searches() -> list[str]:
    """Returns the names of all searches, the last one first."""
    folders = {path: found for path in RUNS.glob("*/") if (found := _started(path))}
    return [path.name for path in sorted(folders, key=lambda p: (-folders[p], p.name))]


def load(name: str) -> Search:
    """Returns a search as its folder shows it now.

    Raises:
        ConfigurationError: There is no such search.
    """
    if name not in list_searches():
        raise ConfigurationError(f"there is no search {name[:40]!r}")
    return _load(name)


def load_all() -> list[Search]:
    """Returns all searches, the last one first."""
    return [_load(name) for name in list_searches()]


def _load(name: str) -> Search:
    folder = RUNS / name
    state = state_of(folder, lambda: bool(_json(folder / RECORD)))
    record = _json(folder / RECORD)
    return Search(
        name,
        state,
        read_request(_json(folder / REQUEST)),
        _progress(folder / PROGRESS),
        record,
        read_log(folder),
        _started(folder),
    )


def front_path(name: str) -> Path:
    """Returns the file of a search's front: the last one, or the one so far."""
    last = RUNS / name / FRONT
    return last if last.is_file() else RUNS / name / _LIVE_FRONT


def read_front(name: str) -> list[dict[str, Any]]:
    """Returns the front of a search so far, `arch_id` and numbers by name.

    Raises:
        SchemaError: The file is damaged.
    """
    path = front_path(name)
    if not path.is_file():
        return []
    try:
        return [
            {k: v if k == "arch_id" else float(v) for k, v in row.items()}
            for row in csv.DictReader(path.read_text().splitlines())
        ]
    except (ValueError, TypeError, csv.Error) as error:
        raise SchemaError(f"{path}: not the front of a search ({error})") from error


def _started(folder: Path) -> float:
    """When a search was asked for, by its oldest file that says so; 0 if it is none."""
    for file in (REQUEST, RECORD, PROGRESS):
        path = folder / file
        if path.is_file():
            return path.stat().st_mtime
    return 0.0


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _progress(path: Path) -> tuple[Line, ...]:
    if not path.is_file():
        return ()
    now = path.stat()
    return _lines(path.resolve(), now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=256)
def _lines(path: Path, changed: int, size: int) -> tuple[Line, ...]:
    """The whole lines of a progress file; the last may be half written."""
    lines = []
    for text in path.read_text(errors="replace").splitlines():
        try:
            line = json.loads(text)
            lines.append({name: float(line[name]) for name in _FIGURES})
        except (ValueError, TypeError, KeyError):
            break
    return tuple(lines)
