import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evonas.errors import ConfigurationError, SchemaError
from evonas.jobs import Job, JobQueue, JobStatus
from evonas.jobs.record import progress_of
from evonas.locks import is_locked, locked, take_lock
from tests.jobs.small_jobs import make_requests

HOLD = """
import sys
from pathlib import Path
from evonas.locks import take_lock
held = [take_lock(Path(path)) for path in sys.argv[1:]]
print("held", flush=True)
sys.stdin.read()
"""


class Holder:
    """Another process that holds locks until it is closed or killed."""

    def __init__(self, *paths: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, *map(str, paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout.readline() == b"held\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def request_of(tmp_path_factory):
    return make_requests(tmp_path_factory.mktemp("data"))


@pytest.fixture
def queue(tmp_path):
    return JobQueue(tmp_path / "jobs")


def test_a_lock_is_gone_with_its_process(tmp_path):
    path = tmp_path / "lock"
    assert not is_locked(path)
    holder = Holder(path)
    assert is_locked(path)
    assert take_lock(path) is None
    with locked(path, patience=0.05) as ours:
        assert not ours
    holder.kill()
    assert not is_locked(path)
    with locked(path) as ours:
        assert ours


def test_the_same_submission_is_the_same_job(queue, request_of):
    job, new = queue.submit(request_of())
    again, new_again = queue.submit(request_of())
    other, _ = queue.submit(request_of(1))
    assert (new, new_again) == (True, False)
    assert job == again
    assert [found.id for found in queue.list()] == [job.id, other.id]
    assert job.status().state == "queued"
    assert job.run.request() == request_of()
    assert job.progress().steps == 6
    assert job.log() == []


def test_jobs_are_found_by_the_beginning_of_their_id(queue, request_of):
    with pytest.raises(ConfigurationError, match="unknown job 'x'; known: none"):
        queue.find("x")
    job, _ = queue.submit(request_of())
    assert queue.find(job.id[:4]) == job
    (queue.root / f"{job.id[:4]}zz").mkdir()
    assert queue.find(job.id[:4]) == job  # a folder without status is no job
    with pytest.raises(ConfigurationError, match="unknown job ''"):
        queue.find("")


def test_a_queued_job_is_cancelled_and_resumed(queue, request_of):
    job, _ = queue.submit(request_of())
    with pytest.raises(ConfigurationError, match="is queued and cannot be resumed"):
        queue.resume(job)
    assert queue.cancel(job).state == "cancelled"
    with pytest.raises(ConfigurationError, match="is cancelled and cannot be cancelled"):
        queue.cancel(job)
    assert queue.resume(job).state == "queued"
    assert job.status().ended is None


def test_a_running_job_is_asked_to_stop(queue, request_of):
    job, _ = queue.submit(request_of())
    job.write_status(replace(job.status(), state="running"))
    holder = Holder(job.claim)
    assert job.status().state == "running"
    assert queue.cancel(job).state == "running"
    assert job.cancel_file.exists()
    with pytest.raises(ConfigurationError, match="is running and cannot be resumed"):
        queue.resume(job)
    holder.kill()
    assert job.status().state == "interrupted"
    assert job.status().message == "its worker has died"
    queue.resume(job)
    assert not job.cancel_file.exists()


def test_a_training_that_outlives_its_worker_is_not_started_again(queue, request_of):
    job, _ = queue.submit(request_of())
    job.write_status(replace(job.status(), state="running"))
    holder = Holder(job.run.lock)
    assert job.status().state == "running"
    for act in (queue.resume, queue.retry):
        with pytest.raises(ConfigurationError, match="is running and cannot"):
            act(job)
    holder.kill()
    assert queue.retry(job).state == "queued"


def test_a_retried_job_starts_anew(queue, request_of):
    job, _ = queue.submit(request_of())
    job.write_status(replace(job.status(), state="failed", message="no reason"))
    job.run.add_to_log("a line")
    job.run.add_to_curves({"step": 1, "seconds": 2.0, "loss": 1.0, "images_per_second": 3.0})
    assert job.progress().step == 1
    assert queue.resume(job).message == ""
    assert job.log() == ["a line"]
    job.write_status(replace(job.status(), state="done"))
    with pytest.raises(ConfigurationError, match="is done and cannot be resumed"):
        queue.resume(job)
    queue.retry(job)
    assert job.log() == []
    assert job.progress().step == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "queued"}', '{"colour": 1}'])
def test_a_damaged_status_is_refused(queue, request_of, content):
    job, _ = queue.submit(request_of())
    job.status_file.write_text(content)
    with pytest.raises(SchemaError, match=r"status\.json"):
        job.status()


def test_an_unknown_state_is_refused(tmp_path):
    job = Job(tmp_path)
    job.write_status(JobStatus("dreaming", 0, 0))
    with pytest.raises(SchemaError, match="unknown state 'dreaming'"):
        job.status()


def test_progress_of_curves():
    rows = [
        {"step": 5, "seconds": 10.0, "loss": 2.0, "images_per_second": 4.0},
        {"step": 5, "seconds": 12.0, "map": 0.25},
        {"step": 10, "seconds": 20.0, "loss": 1.0, "images_per_second": 5.0},
        {"step": 10, "seconds": 22.0, "map": None},
    ]
    progress = progress_of(rows, 20)
    assert (progress.step, progress.loss, progress.best_map) == (10, 1.0, 0.25)
    assert progress.seconds_left == pytest.approx(20.0)


def test_jobs_need_no_torch():
    check = "import evonas.jobs, evonas.jobs.worker, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=os.getcwd())
