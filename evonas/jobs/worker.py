"""The worker: runs queued jobs, each in a process of its own, one for each slot."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evonas.errors import SchemaError
from evonas.jobs.queue import JobQueue
from evonas.jobs.record import Job, State
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
        """Claims and starts a job; returns False if it is not queued or another worker has it."""
        try:
            if job.stored_status().state != "queued":
                return False
        except SchemaError:  # a damaged status; `evonas job list` shows it
            return False
        claim = take_lock(job.claim)
        if claim is None:
            return False
        status = job.stored_status()
        if status.state != "queued":  # another worker was faster, and done with it
            os.close(claim)
            return False
        job.write_status(
            replace(
                status,
                state="running",
                started=time.time(),
                ended=None,
                attempts=status.attempts + 1,
                worker=self.name,
                message="",
            )
        )
        with job.errors.open("wb") as errors:
            process = subprocess.Popen(
                self.command(job.path, device),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        self._running.append(_Running(job, claim, device, process))
        self.report(f"job {job.id}: started, attempt {status.attempts + 1}")
        return True

    def _pass_on_cancellations(self) -> None:
        for running in self._running:
            if running.asked_to_stop is not None or running.job.cancel_file.exists():
                running.stop()

    def _settle(self) -> None:
        """Writes down how processes have ended and gives their jobs up."""
        for running in list(self._running):
            code = running.process.poll()
            if code is None:
                continue
            job = running.job
            state, message = _outcome(job, code, running.asked_to_stop is not None)
            job.cancel_file.unlink(missing_ok=True)
            with contextlib.suppress(SchemaError):  # damaged meanwhile; `evonas job list` shows it
                status = job.stored_status()
                job.write_status(replace(status, state=state, ended=time.time(), message=message))
            os.close(running.claim)
            self._running.remove(running)
            self.report(f"job {job.id}: {state}" + (f", {message}" if message else ""))


def _outcome(job: Job, code: int, asked_to_stop: bool) -> tuple[State, str]:
    """Returns state and message of a job whose process has ended with that code."""
    if code == 0:
        return "done", ""
    if job.cancel_file.exists():
        return "cancelled", ""
    if code == _INTERRUPTED or asked_to_stop:
        return "interrupted", "stopped with its worker"
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return "failed", f"killed by {name}{hint}"
    said = job.errors.read_text(errors="replace").strip().splitlines()
    last = said[-1].removeprefix("error: ") if said else "nothing on stderr"
    return "failed", last
