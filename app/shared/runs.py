"""What searches, comparisons and finds share: a folder of `runs` and a process for each."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from app.shared import background
from app.shared.settings import RUNS, without_places
from evonas.errors import ConfigurationError

PLACES = RUNS / ".places"  # for which those wait that run two at a time
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SHOWN = 4000  # characters of a log

State = Literal["waiting", "running", "finished", "stopped", "failed"]
ALIVE = ("waiting", "running")


def check_name(name: str) -> None:
    """Refuses what cannot be the name of a folder of `runs`.

    Raises:
        ConfigurationError: It is none.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"name {name[:40]!r}: 1 to 40 lower-case letters, digits and hyphens are allowed"
        )


def new_folder(name: str) -> Path:
    """Returns where a new run of that name is to lie; nothing is made yet.

    Raises:
        ConfigurationError: It is taken.
    """
    if (RUNS / name).exists():
        raise ConfigurationError(f"there is a run {name!r} already; choose another name")
    return RUNS / name


def state_of(folder: Path, finished: Callable[[], bool]) -> State:
    """Returns whether a folder's process runs, or how it ended.

    Args:
        folder: Of the run.
        finished: Whether it holds what is written last; asked once the process is seen to have
            ended, so that one which ends meanwhile is not taken for failed.
    """
    if background.is_alive(folder):
        return "waiting" if background.is_waiting(folder) else "running"
    if finished():
        return "finished"
    return "stopped" if background.was_stopped(folder) else "failed"


def read_log(folder: Path) -> str:
    """Returns the last that a run wrote, empty if it wrote nothing."""
    log = folder / background.LOG
    return without_places(log.read_text(errors="replace")[-_SHOWN:]) if log.exists() else ""


def remove_folder(folder: Path) -> None:
    """Removes the folder of a run that has ended, with all in it.

    Raises:
        ConfigurationError: It runs, or the folder is a link.
    """
    if background.is_alive(folder):
        raise ConfigurationError(f"{folder.name} runs; stop it before it is removed")
    if folder.is_symlink():
        raise ConfigurationError(f"{folder.name} is a link to another folder; remove it by hand")
    shutil.rmtree(folder)
