"""Finds that the app starts: a folder of `runs` and a process `evonas find` each, seen by files."""

from dataclasses import dataclass
from pathlib import Path

from app.shared import background as process
from app.shared.runs import State, check_name, new_folder, read_log, state_of
from app.shared.settings import RUNS, find_data, refuse_if_read_only
from evonas.errors import ConfigurationError
from evonas.find import FindSpec, stages
from evonas.find.progress import read_progress
from evonas.find.question import check_question
from evonas.find.spec import claim_folder, read_plan, read_spec

MOST_RUNNING = 1  # it is given hours of this machine, not of a part of it


@dataclass(frozen=True, slots=True, eq=False)
class Find:
    """A find as its folder shows it now.

    Attributes:
        name: Name of its folder.
        state: Whether it runs, or how it ended.
        spec: What was asked for.
        took: Seconds that each stage has taken.
        told: Seconds that stages were expected to take; empty before they were measured.
        done: Whether each stage is done, by its title.
        names: Name of each stage, by its title.
        current: Name of the running stage.
        log: The last lines that it said.
    """

    name: str
    state: State
    spec: FindSpec
    took: dict[str, float]
    told: dict[str, float]
    done: dict[str, bool]
    names: dict[str, str]
    current: str
    log: str

    @property
    def folder(self) -> Path:
        """Its folder."""
        return RUNS / self.name

    @property
    def report(self) -> Path:
        """Its report, if it is finished."""
        return self.folder / "report.html"


def start(name: str, spec: FindSpec) -> None:
    """Starts a find in a process of its own, which outlives the app.

    Raises:
        ConfigurationError: Not allowed, the name is taken, or one is running.
    """
    refuse_if_read_only()
    check_name(name)
    if spec.data not in find_data().values():
        raise ConfigurationError("choose one of the data sets in the folder data")
    check_question(spec)
    folder = new_folder(name)
    _refuse_if_one_runs()
    folder.mkdir(parents=True)
    claim_folder(folder, spec)
    process.spawn(folder, command_line(name, spec))


def resume(name: str) -> None:
    """Starts a find that ended early again; what is done is skipped.

    Raises:
        ConfigurationError: There is no such find, or one is running.
    """
    refuse_if_read_only()
    find = load(name)
    _refuse_if_one_runs()
    process.spawn(find.folder, command_line(name, find.spec))


def stop(name: str) -> None:
    """Ends a running find; what is done stays.

    Raises:
        ConfigurationError: There is no such find.
    """
    refuse_if_read_only()
    process.end(load(name).folder)


def list_finds() -> list[str]:
    """Returns the names of all finds, the last one first."""
    files = sorted(RUNS.glob("*/find.json"), key=lambda path: -path.stat().st_mtime)
    return [path.parent.name for path in files]


def load(name: str) -> Find:
    """Returns a find as it is now.

    Raises:
        ConfigurationError: There is no such find.
        SchemaError: Its files are damaged.
    """
    if name not in list_finds():
        raise ConfigurationError(f"there is no find {name[:40]!r}")
    folder = RUNS / name
    spec = read_spec(folder)
    progress = read_progress(folder)
    known = stages(spec, folder)
    return Find(
        name,
        state_of(folder, (folder / "report.html").exists),
        spec,
        progress.took,
        read_plan(folder).seconds if (folder / "plan.json").exists() else {},
        {stage.title: stage.is_done() for stage in known},
        {stage.title: stage.name for stage in known},
        progress.stage,
        read_log(folder),
    )


def command_line(name: str, spec: FindSpec) -> list[str]:
    """Returns the arguments of `evonas` that run a find."""
    arguments = ["find", f"--data={spec.data}", f"--device={spec.device}", f"--out={RUNS / name}"]
    arguments += [f"--where={text}" for text in spec.where]
    arguments += [f"--set={change}" for change in spec.changes]
    for option in ("image_size", "hours", "tile", "space", "trained", "recipe", "seed"):
        value = getattr(spec, option)
        if value != "":
            arguments.append(f"--{option.replace('_', '-')}={value}")
    return arguments


def _refuse_if_one_runs() -> None:
    running = [name for name in list_finds() if process.is_alive(RUNS / name)]
    if len(running) >= MOST_RUNNING:
        raise ConfigurationError(f"{running[0]} is running; one find runs at a time")
