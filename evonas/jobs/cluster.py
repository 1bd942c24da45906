"""Jobs on a Ray cluster: workers of one queue on its machines."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from evonas.cluster import join_cluster
from evonas.errors import ConfigurationError, SchemaError
from evonas.jobs.queue import JobQueue
from evonas.jobs.record import Job
from evonas.jobs.worker import Worker, training_command

_POLL_SECONDS = 0.5
_ORPHAN_SECONDS = 60.0  # a training without its worker saves and stops after its step


class _ClusterWorker:
    """A worker of one slot, in an actor.

    When its process or machine is lost, Ray starts it anew elsewhere under the same name: what it
    had left interrupted it takes up again.
    """

    def __init__(self, root: Path, name: str, threads: int) -> None:
        self._queue, self._name, self._threads = JobQueue(root), name, threads
        self._stop = threading.Event()

    def work(self, drain: bool) -> None:
        for job in self._queue.list():
            with suppress(SchemaError):  # a damaged job is nobody's; `evonas job list` shows it
                status = job.status()
                if status.state == "interrupted" and status.worker == self._name:
                    self._resume(job)
        worker = Worker(self._queue, [""], training_command(self._threads), name=self._name)
        worker.work(drain, self._stop.is_set)

    def stop(self) -> None:
        self._stop.set()

    def _resume(self, job: Job) -> None:
        """Puts a job back into the queue once its training has seen that nobody waits for it."""
        end = time.monotonic() + _ORPHAN_SECONDS
        while True:
            try:
                self._queue.resume(job)
                return
            except ConfigurationError:
                if time.monotonic() > end:
                    raise
            time.sleep(_POLL_SECONDS)


def work_on_cluster(
    root: Path,
    address: str,
    slots: int,
    cpus: int = 1,
    gpus: float = 0,
    drain: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Runs the jobs of a folder on a Ray cluster until it is stopped.

    The folder and the data must be at the same path on every machine. Jobs of a machine that is
    lost go on from their checkpoints on another one.

    Args:
        root: The folder of jobs.
        address: `auto` or HOST:PORT of a running cluster, or `local` for one on this machine.
        slots: Jobs at a time, over the whole cluster.
        cpus: CPUs, and so threads, of each.
        gpus: GPUs of each.
        drain: End when no job is queued or running here any more.
        stopped: Asked again and again; when true, running jobs save and are interrupted.

    Raises:
        ConfigurationError: There is no such cluster.
        MissingPackageError: Ray is not installed.
    """
    ray = join_cluster(address)
    # Two calls at a time: one works, the other one stops it.
    actor: Any = ray.remote(
        num_cpus=cpus, num_gpus=gpus, max_restarts=-1, max_task_retries=-1, max_concurrency=2
    )(_ClusterWorker)
    driver = f"ray-{int(time.time() * 1000):x}"
    actors = [actor.remote(root.resolve(), f"{driver}-{slot}", cpus) for slot in range(slots)]
    working = [each.work.remote(drain) for each in actors]
    while working:
        if stopped():
            ray.get([each.stop.remote() for each in actors])
            ray.get(working)
            return
        finished, working = ray.wait(working, num_returns=len(working), timeout=_POLL_SECONDS)
        ray.get(finished)
