"""How far a find is: a small file that is written over and over."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError
from evonas.files import read_json, write_json

_FILE = "progress.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a find stands.

    Attributes:
        state: `running`, `stopped` or `done`; empty before it begins.
        stage: Name of the stage that it is at.
        took: Seconds that each stage has taken so far, by name.
    """

    state: str = ""
    stage: str = ""
    took: dict[str, float] = field(default_factory=dict)


def read_progress(out: Path) -> Progress:
    """Reads how far a find is; nothing of it is worth more than a message, if it is damaged."""
    path = out / _FILE
    try:
        content: dict[str, Any] = read_json(path, "the progress of a find")
        took = {str(name): float(seconds) for name, seconds in content["took"].items()}
        return Progress(str(content["state"]), str(content["stage"]), took)
    except (EvonasError, KeyError, TypeError, ValueError, AttributeError):
        return Progress()


def write_progress(out: Path, progress: Progress) -> None:
    """Writes how far a find is."""
    content = {"state": progress.state, "stage": progress.stage, "took": progress.took}
    write_json(out / _FILE, {**content, "at": time.time()})
