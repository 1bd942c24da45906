"""The worker: runs queued jobs, each in a process of its own, one for each slot."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from evonas.errors import EvonasError
from evonas.jobs.queue import JobQueue
from evonas.jobs.record import Job, State
from evonas.limits import printable, printable_lines
from evonas.locks import take_lock

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 60.0  # for a checkpoint, between asking a training to stop and killing it
_INTERRUPTED = 130  # exit code of a training that saved and stopped

# Given the run's folder and the slot's device, the command that goes on with the run.
Command = Callable[[Path, str], Sequence[str]]


def training_command(threads: int) -> Command:
    """Returns the command of real trainings, with that many threads each (0 for all)."""

    def command(path: Path, device: str) -> list[str]:
        python = [sys.executable, "-m", "evonas", "train", "--resume", "--out", str(path)]
        device_options = ["--device", device] if device else []
        parent = ["--stop-without", str(os.getpid())]
        return [*python, *device_options, "--threads", str(threads), *parent]

    return command


@dataclass(slots=True)
class _Running:
    job: Job
    claim: int  # descriptor of the lock
    device: str
    process: subprocess.Popen[bytes]
    asked_to_stop: float | None = None

    def stop(self) -> None:
        """Asks the training to save and stop; kills it and its children if it takes too long."""
        now = time.monotonic()
        if self.asked_to_stop is None:
            self.asked_to_stop = now
            self.process.terminate()
        elif now - self.asked_to_stop > _GRACE_SECONDS:
            os.killpg(self.process.pid, signal.SIGKILL)


class Worker:
    """Runs the jobs of a queue.

    Args:
        queue: The jobs.
        devices: Device of each slot; "" lets the training choose.
        command: What runs a job.
        report: Told what happens to jobs.
        name: Stands in the status of its jobs; by default the machine and the process.
    """

    def __init__(
        self,
        queue: JobQueue,
        devices: Sequence[str],
        command: Command,
        report: Callable[[str], None] = lambda _: None,
        name: str = "",
    ) -> None:
        self.queue, self.command, self.report = queue, command, report
        self.devices = list(devices)
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._running: list[_Running] = []
        self._skipped: dict[str, str] = {}  # by job, why

    def work(
        self,
        drain: bool = False,
        stopped: Callable[[], bool] = lambda: False,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        """Runs jobs until it is stopped; running ones then save and are interrupted.

        Args:
            drain: End when no job is queued or running here any more.
            stopped: Asked between looks at the queue.
            poll_seconds: Time between two looks.
        """
        while True:
            self._settle()
            if stopped():
                break
            self._fill_slots()
            if drain and not self._running:
                return
            self._pass_on_cancellations()
            time.sleep(poll_seconds)
        while self._running:
            for running in self._running:
                running.stop()
            time.sleep(poll_seconds)
            self._settle()

    def _fill_slots(self) -> None:
        free = [d for d in self.devices]
        for running in self._running:
            free.remove(running.device)
        if not free:
            return
        ours = {running.job.id for running in self._running}
        for job in self.queue.list():
            if not free:
                return
            if job.id not in ours and self._start(job, free[0]):
                free.pop(0)

    def _start(self, job: Job, device: str) -> bool:
        """Claims and starts a job; returns False if it is not queued or another worker has it.

        A job that cannot be started, whatever its folder holds, is skipped and reported once.
        """
        try:
            if job.stored_status().state != "queued":
                return False
            claim = take_lock(job.claim)
            if claim is None:
                return False
            try:
                running = self._launch(job, device, claim)
            except BaseException:
                os.close(claim)
                raise
        except (EvonasError, OSError, ValueError) as error:
            self._skip(job, error)
            return False
        if running is None:  # another worker was faster, and done with it
            os.close(claim)
            return False
        self._running.append(running)
        self._skipped.pop(job.id, None)
        return True

    def _launch(self, job: Job, device: str, claim: int) -> _Running | None:
        """Starts a claimed job's process; None if it is not queued any more."""
        status = job.stored_status()
        if status.state != "queued":
            return None
        # Both are made first: where they cannot be, the job stays queued.
        with _fresh_file(job.errors) as errors:
            started = replace(
                status,
                state="running",
                started=time.time(),
                ended=None,
                attempts=status.attempts + 1,
                worker=self.name,
                message="",
            )
            job.write_status(started)
            try:
                process = subprocess.Popen(
                    self.command(job.path, device),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )
            except (OSError, ValueError):
                job.write_status(status)
                raise
        self.report(f"job {printable(job.id)}: started, attempt {started.attempts}")
        return _Running(job, claim, device, process)

    def _skip(self, job: Job, error: Exception) -> None:
        """Says why a job is not started, unless that was the last that was said of it."""
        reason = printable_lines(str(error))
        if self._skipped.get(job.id) != reason:
            self._skipped[job.id] = reason
            self.report(f"job {printable(job.id)}: skipped: {reason}")

    def _pass_on_cancellations(self) -> None:
        for running in self._running:
            if running.asked_to_stop is not None or _is_cancelled(running.job):
                running.stop()

    def _settle(self) -> None:
        """Writes down how processes have ended and gives their jobs up."""
        for running in list(self._running):
            code = running.process.poll()
            if code is None:
                continue
            job = running.job
            state, message = _outcome(job, code, running.asked_to_stop is not None)
            with contextlib.suppress(OSError):
                job.cancel_file.unlink(missing_ok=True)
            try:
                status = job.stored_status()
                job.write_status(replace(status, state=state, ended=time.time(), message=message))
            except EvonasError as error:  # damaged or deleted meanwhile, or a full disk
                message = f"{message}; not written down: {error}".removeprefix("; ")
            os.close(running.claim)
            self._running.remove(running)
            told = f", {printable_lines(message)}" if message else ""
            self.report(f"job {printable(job.id)}: {state}{told}")


def _is_cancelled(job: Job) -> bool:
    return os.path.lexists(job.cancel_file)


def _fresh_file(path: Path) -> BinaryIO:
    """Opens an empty file to write to, in place of a file that is there; follows no link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"{path}: no regular file; remove it")
    return os.fdopen(descriptor, "wb")


def _outcome(job: Job, code: int, asked_to_stop: bool) -> tuple[State, str]:
    """Returns state and message of a job whose process has ended with that code."""
    if code == 0:
        return "done", ""
    if _is_cancelled(job):
        return "cancelled", ""
    if code == _INTERRUPTED or asked_to_stop:
        return "interrupted", "stopped with its worker"
    if code < 0:
        name = _signal_name(-code)
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return "failed", f"killed by {name}{hint}"
    said = job.said().splitlines()
    last = said[-1].removeprefix("error: ") if said else "nothing on stderr"
    return "failed", last


def _signal_name(number: int) -> str:
    """Real-time signals have no names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
