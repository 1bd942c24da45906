"""Comparisons of algorithms that the app starts: `evonas bench compare`, a folder and process each.

`runs/NAME/bench.json` says what was asked for; each run is a file of its own, so that a comparison
is watched while it grows, and goes on where it was stopped.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from app.shared import background as process
from app.shared.runs import (
    PLACES,
    State,
    check_name,
    new_folder,
    read_log,
    remove_folder,
    state_of,
)
from app.shared.settings import RUNS, refuse_if_read_only
from evonas.benchmark import list_problems
from evonas.benchmark.compare import Plan
from evonas.benchmark.runs import RunResult, load_run
from evonas.benchmark.trial import POPULATION
from evonas.errors import ConfigurationError, EvonasError, unknown_name
from evonas.files import write_atomically

MOST_PROBLEMS, MOST_SEEDS, MOST_EVALUATIONS, MOST_ALIVE = 16, 31, 5000, 8
REPORT, RUNS_CSV = "report.html", "runs.csv"
_REQUEST = "bench.json"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a comparison is asked to do; see the options of `evonas bench compare`."""

    name: str
    problems: tuple[str, ...]
    algorithms: tuple[str, ...]
    seeds: int = 5
    evaluations: int = 500
    population: int = POPULATION

    def plan(self) -> Plan:
        """Returns it as the benchmark has it."""
        return Plan(self.problems, self.algorithms, self.seeds, self.evaluations, self.population)

    def command(self) -> list[str]:
        """Returns the arguments of `evonas` that run it."""
        return [
            "bench",
            "compare",
            f"--problems={','.join(self.problems)}",
            f"--algorithms={','.join(self.algorithms)}",
            *(f"--{n}={getattr(self, n)}" for n in ("seeds", "evaluations", "population")),
            "--workers=1",
            f"--out={RUNS / self.name}",
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Comparing:
    """A comparison as its folder shows it now.

    Attributes:
        asked: What was asked for.
        state: Whether it runs, or how it ended.
        log: The last lines it wrote.
    """

    asked: Asked
    state: State
    log: str

    @property
    def total(self) -> int:
        """Runs in all."""
        return len(list(self.asked.plan().keys()))


def check(asked: Asked) -> None:
    """Refuses what may not be asked for.

    Raises:
        ConfigurationError: A name or number that is not allowed.
    """
    check_name(asked.name)
    for what, given in (("problem", asked.problems), ("algorithm", asked.algorithms)):
        if not given:
            raise ConfigurationError(f"no {what} is chosen; at least one is required")
    if len(asked.problems) > MOST_PROBLEMS:
        raise ConfigurationError(f"{len(asked.problems)} problems; at most {MOST_PROBLEMS} may be")
    known = list_problems()
    for problem in asked.problems:
        if problem not in known:
            raise unknown_name("problem", problem, known)
    for word, number, most in (
        ("seeds", asked.seeds, MOST_SEEDS),
        ("evaluations", asked.evaluations, MOST_EVALUATIONS),
        ("population", asked.population, MOST_EVALUATIONS),
    ):
        if not 1 <= number <= most:
            raise ConfigurationError(f"{word} is {number}; allowed are 1 to {most}")
    asked.plan().check()


def start(asked: Asked) -> None:
    """Starts a comparison in a process of its own, which outlives the app.

    Raises:
        ConfigurationError: Not allowed, the name is taken, or too many run and wait.
    """
    refuse_if_read_only()
    check(asked)
    folder = new_folder(asked.name)
    _refuse_if_too_many()
    write_atomically(folder / _REQUEST, json.dumps(asdict(asked), indent=1).encode())
    process.spawn(folder, asked.command(), PLACES)


def resume(name: str) -> None:
    """Goes on with a comparison that ended early; the runs that are done stay.

    Raises:
        ConfigurationError: There is no such comparison, it is running, or too many are.
    """
    refuse_if_read_only()
    asked = load(name).asked
    check(asked)
    _refuse_if_too_many()
    process.spawn(RUNS / name, asked.command(), PLACES)


def stop(name: str) -> None:
    """Ends a comparison; the runs that are done stay.

    Raises:
        ConfigurationError: There is no such comparison.
    """
    refuse_if_read_only()
    process.end(RUNS / load(name).asked.name)


def remove(name: str) -> None:
    """Removes a comparison that does not run: its folder with runs and report.

    Raises:
        ConfigurationError: There is no such comparison, it runs, or its folder is a link.
    """
    refuse_if_read_only()
    remove_folder(RUNS / load(name).asked.name)


def list_comparisons() -> list[str]:
    """Returns the names of the comparisons that can be read, the last one first."""
    files = {path.parent.name: path for path in RUNS.glob(f"*/{_REQUEST}")}
    readable = {name: path for name, path in files.items() if _asked(name) is not None}
    return sorted(readable, key=lambda name: (-readable[name].stat().st_mtime, name))


def load(name: str) -> Comparing:
    """Returns a comparison as its folder shows it now.

    Raises:
        ConfigurationError: There is no such comparison.
    """
    asked = _asked(name) if name in list_comparisons() else None
    if asked is None:
        raise ConfigurationError(f"there is no comparison {name[:40]!r}")
    folder = RUNS / name
    return Comparing(asked, state_of(folder, (folder / REPORT).exists), read_log(folder))


def results(asked: Asked, checksums: dict[str, str]) -> Iterator[RunResult]:
    """Yields the runs that are done, those of another version of their problem left out.

    Args:
        asked: The comparison.
        checksums: Of the problems.

    Raises:
        SchemaError: A run's file is damaged.
    """
    for key in asked.plan().keys():
        try:
            found = load_run(RUNS / asked.name, key, checksums.get(key.problem, ""))
        except ConfigurationError:
            continue
        if found is not None:
            yield found


def _asked(name: str) -> Asked | None:
    try:
        found: Any = json.loads((RUNS / name / _REQUEST).read_text())
        known = {field.name: found[field.name] for field in fields(Asked) if field.name in found}
        lists = {key: tuple(map(str, known[key])) for key in ("problems", "algorithms")}
        asked = Asked(**{**known, **lists, "name": name})
        check(asked)
    except (OSError, ValueError, TypeError, KeyError, EvonasError):
        return None
    return asked


def _refuse_if_too_many() -> None:
    alive = sum(process.is_alive(RUNS / name) for name in list_comparisons())
    if alive >= MOST_ALIVE:
        raise ConfigurationError(f"{alive} comparisons run or wait; no more than that may")
