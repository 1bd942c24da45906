"""The jobs of a folder: submit, look, cancel, resume, retry."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from evonas.errors import ConfigurationError, DataError, unknown_name
from evonas.jobs.record import Job, JobStatus, State
from evonas.locks import locked
from evonas.retraining import Retraining, RunFolder

_ENDED: tuple[State, ...] = ("done", "failed", "cancelled", "interrupted")


class JobQueue:
    """Jobs in a folder, each in a folder of its own. Any number of processes may share it.

    Args:
        root: The folder; it need not exist.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def submit(self, request: Retraining) -> tuple[Job, bool]:
        """Puts a training into the queue, unless it is there already.

        Returns:
            The job, and whether it is new; a job that exists is left as it is.

        Raises:
            DataError: The folder cannot be written.
        """
        job = Job(self.root / request.id)
        if job.path.exists():
            return job, False
        draft = self.root / f".{request.id}-{secrets.token_hex(4)}"
        try:
            draft.mkdir(parents=True)
            RunFolder(draft).create(request)
            now = time.time()
            Job(draft).write_status(JobStatus("queued", now, now))
            os.rename(draft, job.path)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if job.path.exists():  # another process was faster
                return job, False
            raise DataError(f"{job.path}: cannot be written: {error.strerror}") from error
        except BaseException:  # a full disk, as write_json tells it, or Ctrl-C
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return job, True

    def list(self) -> "list[Job]":
        """Returns all jobs, the oldest first; what is no job is left out.

        A job whose files are damaged is among them: `describe_job` says so.
        """
        try:
            names = [name for name in os.listdir(self.root) if not name.startswith(".")]
        except OSError:
            return []
        ages = ((_age(job), job) for job in (Job(self.root / name) for name in names))
        found = [(age, job.id, job) for age, job in ages if age is not None]
        return [job for _, _, job in sorted(found)]

    def find(self, name: str) -> Job:
        """Returns the job of that id, or of an id that begins so.

        Raises:
            ConfigurationError: There is none, or more than one.
        """
        ids = [job.id for job in self.list()]
        found = [name] if name in ids else [job for job in ids if name and job.startswith(name)]
        if not found:
            raise unknown_name("job", name, ids or ["none"])
        if len(found) > 1:
            raise ConfigurationError(f"job {name!r} may be any of {', '.join(found)}")
        return Job(self.root / found[0])

    def cancel(self, job: Job) -> JobStatus:
        """Takes a job out of the queue, or asks its worker to stop it after a checkpoint.

        Raises:
            ConfigurationError: It has ended already.
        """
        with locked(job.claim) as ours:
            if ours and not self._orphaned(job):
                return _change(job, ("queued", "interrupted"), _cancelled, "cancelled")
        status = job.status()
        if status.state in _ENDED:
            raise _refusal(job, status, "cancelled")
        job.cancel_file.touch()
        return status

    def resume(self, job: Job) -> JobStatus:
        """Puts a job that ended early back into the queue, to go on from its checkpoint.

        Raises:
            ConfigurationError: It is queued, running or done.
        """
        return self._requeue(job, ("failed", "cancelled", "interrupted"), "resumed", lambda: None)

    def retry(self, job: Job) -> JobStatus:
        """Puts a job that ended back into the queue, to start anew.

        Raises:
            ConfigurationError: It is queued or running.
        """
        return self._requeue(job, _ENDED, "retried", job.run.clear)

    def _requeue(
        self, job: Job, allowed: Sequence[State], verb: str, prepare: Callable[[], None]
    ) -> JobStatus:
        with locked(job.claim) as ours:
            if not ours or self._orphaned(job):
                raise _refusal(job, job.stored_status(), verb)

            def queued(status: JobStatus) -> JobStatus:
                prepare()
                job.cancel_file.unlink(missing_ok=True)
                return replace(status, state="queued", queued=time.time(), ended=None, message="")

            return _change(job, allowed, queued, verb)

    def _orphaned(self, job: Job) -> bool:
        """Whether a training still runs that its worker has left behind: it stops by itself."""
        with locked(job.run.lock) as free:
            return not free


def _age(job: Job) -> float | None:
    """Returns when a job was made; None for what is no job, or is none any more."""
    try:
        job.status_file.lstat()
        return job.run.config.lstat().st_mtime
    except OSError:
        return None


def _change(
    job: Job, allowed: Sequence[State], change: Callable[[JobStatus], JobStatus], verb: str
) -> JobStatus:
    """Changes the status; the claim must be held, so what is "running" is interrupted."""
    status = job.stored_status()
    if status.state == "running":
        status = replace(status, state="interrupted")
    if status.state not in allowed:
        raise _refusal(job, status, verb)
    changed = change(status)
    job.write_status(changed)
    return changed


def _cancelled(status: JobStatus) -> JobStatus:
    return replace(status, state="cancelled", ended=time.time())


def _refusal(job: Job, status: JobStatus, verb: str) -> ConfigurationError:
    return ConfigurationError(f"job {job.id} is {status.state} and cannot be {verb}")
