"""A job: its folder is the record, and a lock says whether it is running."""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from evonas.errors import SchemaError
from evonas.files import read_json, write_json
from evonas.limits import printable, read_regular
from evonas.locks import is_locked
from evonas.retraining import RunFolder

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
# What each field of a status may be.
_TYPES: dict[str, tuple[type, ...]] = {
    "submitted": (float, int),
    "queued": (float, int),
    "started": (float, int, type(None)),
    "ended": (float, int, type(None)),
    "attempts": (int,),
    "worker": (str,),
    "message": (str,),
}
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled", "interrupted")


@dataclass(frozen=True, slots=True)
class JobStatus:
    """Where a job stands; times are seconds since 1970.

    Attributes:
        state: One of `STATES`.
        submitted: When it was first submitted.
        queued: When it was last put into the queue.
        started: When it was last started; None if never.
        ended: When it last ended; None while it has not.
        attempts: How often it was started.
        worker: Host and process that ran it last.
        message: Why it failed or was interrupted.
    """

    state: State
    submitted: float
    queued: float
    started: float | None = None
    ended: float | None = None
    attempts: int = 0
    worker: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job's training is; NaN where nothing is known yet."""

    step: int
    steps: int
    loss: float
    best_map: float
    images_per_second: float
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Job:
    """A job by its folder, which is the folder of its run."""

    path: Path

    @property
    def id(self) -> str:
        """Its name, which is the training's hash."""
        return self.path.name

    @property
    def run(self) -> RunFolder:
        """The files of its run: request, curves, log, checkpoint, best network, metrics."""
        return RunFolder(self.path)

    @property
    def status_file(self) -> Path:
        """The status as JSON; written only by who holds the claim."""
        return self.path / "status.json"

    @property
    def claim(self) -> Path:
        """The lock of who is in charge: the worker, or a command that changes the status."""
        return self.path / "claim.lock"

    @property
    def cancel_file(self) -> Path:
        """There when a running job is to be cancelled."""
        return self.path / "cancel"

    @property
    def errors(self) -> Path:
        """What the training process said on stderr beside its log."""
        return self.path / "stderr.txt"

    def status(self) -> JobStatus:
        """Returns the status; a running job that nobody runs any more is interrupted.

        Raises:
            SchemaError: The status is missing or damaged.
        """
        status = self.stored_status()
        if status.state != "running" or is_locked(self.claim) or is_locked(self.run.lock):
            return status
        status = self.stored_status()  # it may have ended between the two looks
        if status.state != "running":
            return status
        return replace(status, state="interrupted", message="its worker has died")

    def stored_status(self) -> JobStatus:
        """Returns the status as it was last written.

        Raises:
            SchemaError: It is missing or damaged.
        """
        content = read_json(self.status_file, "the status of a job")
        try:
            status = JobStatus(**content)
        except TypeError as error:
            reason = printable(str(error))
            raise SchemaError(f"{self.status_file}: not the status of a job ({reason})") from error
        if not isinstance(status.state, str) or status.state not in STATES:
            raise SchemaError(f"{self.status_file}: unknown state {printable(repr(status.state))}")
        for name, allowed in _TYPES.items():
            value = getattr(status, name)
            if type(value) not in allowed or (type(value) is float and not math.isfinite(value)):
                raise SchemaError(
                    f"{self.status_file}: {name} is {printable(repr(value))}, "
                    f"expected {allowed[0].__name__}"
                )
        return status

    def write_status(self, status: JobStatus) -> None:
        """Writes the status, atomically."""
        write_json(self.status_file, asdict(status))

    def progress(self) -> JobProgress:
        """Returns how far the training is, by its curves."""
        return progress_of(self.run.read_curves(), self.run.request().recipe.steps)

    def log(self, lines: int = 0) -> list[str]:
        """Returns the log's last lines, all of them for 0."""
        return _text(self.run.log).splitlines()[-lines:]

    def said(self) -> str:
        """Returns what the training process said on stderr; empty if it cannot be read."""
        return _text(self.errors).strip()


def _text(path: Path) -> str:
    """Returns a text file's content; empty if there is none that can be read."""
    try:
        return read_regular(path).decode(errors="replace")
    except (OSError, ValueError):
        return ""


def progress_of(rows: list[dict[str, Any]], steps: int) -> JobProgress:
    """Returns the progress that curves of a run of that many steps tell."""
    trained = [row for row in rows if "loss" in row]
    best = max((row["map"] for row in rows if row.get("map") is not None), default=float("nan"))
    if not trained:
        return JobProgress(0, steps, float("nan"), best, float("nan"), float("nan"))
    last = trained[-1]
    step = last["step"]
    rate = last["seconds"] / step if step else float("nan")
    loss = float("nan") if last["loss"] is None else last["loss"]
    return JobProgress(step, steps, loss, best, last["images_per_second"], rate * (steps - step))
