"""Trainings of the app: jobs below `runs/jobs`, run by a worker in a process of its own.

The queue and the worker are those of `evonas job` and `evonas worker`; here are the limits on
what the app may ask of them.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from app.shared import background
from app.shared.settings import RUNS, find_data, refuse_if_read_only
from evonas.errors import ConfigurationError, EvonasError
from evonas.jobs import Job, JobQueue, JobStatus, describe_job
from evonas.retraining import Retraining, RunFolder, plan_training
from evonas.space import Design
from evonas.training.recipes import RECIPES

JOBS = RUNS / "jobs"
MOST_WAITING, MOST_STEPS, MOST_BATCH, MOST_SEED = 8, 20_000, 64, 2**31 - 1
INITS = ("scratch", "supernet")

_WORKER = JOBS / ".worker"
_MOST_LOOKED_AT = 200  # jobs of which results are gathered
_PATIENCE = 5.0  # seconds for a worker to take a job or to end
# Locks belong to processes, and sessions are threads of one: one change at a time.
_ONE_CHANGE = Lock()


@dataclass(frozen=True, slots=True)
class Submission:
    """A training as the form asks for it; see `plan_training`.

    `data` is a name that `find_data` knows.
    """

    architecture: str
    data: str
    recipe: str = "nano"
    steps: int = 2500
    batch_size: int = 16
    init: str = "scratch"
    seed: int = 0


def plan(asked: Submission) -> Retraining:
    """Resolves a submission, within the limits.

    Raises:
        EvonasError: A name, number, architecture or data set that is not allowed.
    """
    folders = find_data()
    for what, name, allowed in (
        ("recipe", asked.recipe, RECIPES),
        ("initial weights", asked.init, INITS),
        ("data set", asked.data, folders),
    ):
        if name not in allowed:
            known = ", ".join(allowed) or "none; make one with `evonas data make digits`"
            raise ConfigurationError(f"{what} {str(name)[:40]!r} is not known here; known: {known}")
    for what, number, least, most in (
        ("steps", asked.steps, 1, MOST_STEPS),
        ("batch size", asked.batch_size, 1, MOST_BATCH),
        ("seed", asked.seed, 0, MOST_SEED),
    ):
        if not least <= number <= most:
            raise ConfigurationError(f"{what} is {number}; allowed are {least} to {most}")
    warmup = min(RECIPES[asked.recipe].warmup_steps, max(asked.steps // 10, 1))
    return plan_training(
        asked.architecture,
        folders[asked.data],
        asked.recipe,
        (f"steps={asked.steps}", f"batch_size={asked.batch_size}", f"warmup_steps={warmup}"),
        asked.init,
        asked.seed,
    )


def submit(asked: Sequence[Submission]) -> list[tuple[Job, bool]]:
    """Queues trainings and sees to it that a worker runs them.

    Returns:
        Each one's job, and whether it is new; the same training twice is one job.

    Raises:
        EvonasError: One is not allowed, or too many wait; then none is queued.
    """
    refuse_if_read_only()
    plans = [plan(one) for one in asked]
    with _ONE_CHANGE:
        known = list_jobs()
        fresh = {request.id for request in plans} - {job.id for job in known}
        waiting = sum(_state(job) in ("queued", "running") for job in known)
        if waiting + len(fresh) > MOST_WAITING:
            raise ConfigurationError(
                f"{waiting} trainings wait or run; at most {MOST_WAITING} may, so {len(fresh)} "
                "more are too many"
            )
        submitted = [_queue().submit(request) for request in plans]
    start_worker()
    return submitted


def list_jobs() -> list[Job]:
    """Returns the jobs, those that were submitted last first."""
    return _queue().list()[::-1]


def describe_jobs(most: int) -> list[dict[str, Any]]:
    """Returns the last jobs as `describe_job` does."""
    with _ONE_CHANGE:
        return [describe_job(job) for job in list_jobs()[:most]]


def finished_trainings() -> Iterator[tuple[Job, Design, float]]:
    """Yields the trainings that are done, the latest first: job, network, validation AP."""
    for job in list_jobs()[:_MOST_LOOKED_AT]:
        try:
            ap = job.run.read_metrics()["val"]["map"]
            design = job.run.request().design
        except EvonasError:  # it is not done, or damaged
            continue
        if ap is not None:
            yield job, design, float(ap)


def trained_maps() -> dict[str, dict[str, float]]:
    """Returns by architecture what its trainings here reached.

    Each AP stands under what it is the AP of: `trained_map (digits, 2500 steps, seed 0, protocol
    fast)`. It is no table's `trained_map`, which is of other data or another recipe.
    """
    found: dict[str, dict[str, float]] = {}
    for job, design, ap in finished_trainings():
        request = job.run.request()
        recipe = request.recipe
        of = (
            f"trained_map ({request.data.name}, {recipe.steps} steps, seed {request.seed}, "
            f"protocol {recipe.protocol})"
        )
        found.setdefault(design.name, {}).setdefault(of, ap)  # of two, the latest
    return found


def run_names(runs: Mapping[str, RunFolder]) -> dict[str, str]:
    """Returns by key what people call a run: its network, data, steps and seed.

    Where that is the same for two, their recipe and the start of their key stand behind it.
    """
    names = {}
    for key, run in runs.items():
        try:
            request = run.request()
        except EvonasError:
            names[key] = f"{key}: damaged"
            continue
        names[key] = (
            f"{request.architecture} on {request.data.name}, {request.recipe.steps:,} steps, "
            f"seed {request.seed}"
        )
        if list(names.values()).count(names[key]) > 1:
            names[key] += f", recipe {request.recipe_name} ({key[:12]})"
    return names


def find_job(name: str) -> Job:
    """Returns the job of that id.

    Raises:
        ConfigurationError: There is none.
    """
    found = [job for job in list_jobs() if job.id == name]
    if not found:
        raise ConfigurationError(f"there is no job {name[:40]!r}")
    return found[0]


def status(job: Job) -> JobStatus:
    """Returns where a job stands.

    Raises:
        SchemaError: Its status is damaged.
    """
    with _ONE_CHANGE:
        return job.status()


def cancel(name: str) -> None:
    """Takes a job out of the queue, or has it stopped after a checkpoint.

    Raises:
        EvonasError: There is no such job, or it has ended.
    """
    refuse_if_read_only()
    with _ONE_CHANGE:
        _queue().cancel(find_job(name))


def resume(name: str) -> None:
    """Goes on with a job that ended early, from its checkpoint.

    Raises:
        EvonasError: There is no such job, or it did not end early.
    """
    refuse_if_read_only()
    with _ONE_CHANGE:
        _queue().resume(find_job(name))
    start_worker()


def retry(name: str) -> None:
    """Starts a job that has ended anew; what it left is removed.

    Raises:
        EvonasError: There is no such job, or it has not ended.
    """
    refuse_if_read_only()
    with _ONE_CHANGE:
        _queue().retry(find_job(name))
    start_worker()


def is_worker_alive() -> bool:
    """Returns whether the app's worker runs."""
    return background.is_alive(_WORKER)


def start_worker() -> None:
    """Starts a worker that ends when the queue is empty, unless one runs.

    Raises:
        ConfigurationError: This server only shows.
    """
    refuse_if_read_only()
    deadline = time.monotonic() + _PATIENCE
    while is_worker_alive() and time.monotonic() < deadline:
        # One that found the queue empty may be about to end; one that runs a job looks again.
        if any(_state(job) == "running" for job in list_jobs()):
            return
        if not any(_state(job) == "queued" for job in list_jobs()):
            return
        time.sleep(0.1)
    with _ONE_CHANGE:
        if is_worker_alive():
            return
        _WORKER.mkdir(parents=True, exist_ok=True)
        background.spawn(_WORKER, ["worker", f"--jobs={JOBS}", "--slots=1", "--drain"])


def _queue() -> JobQueue:
    return JobQueue(JOBS)


def _state(job: Job) -> str:
    try:
        return job.stored_status().state
    except EvonasError:
        return "damaged"
