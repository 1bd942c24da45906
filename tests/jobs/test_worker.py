import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from evonas.jobs import JobQueue
from evonas.jobs.worker import Worker, training_command
from tests.jobs.small_jobs import make_requests

NOTE = 'echo x >> "$0/ran"'
RACE = """
import sys
from evonas.jobs import JobQueue
from evonas.jobs.worker import Worker
note = ["sh", "-c", 'echo x >> "$0/ran"']
worker = Worker(JobQueue(sys.argv[1]), [""] * 2, lambda path, _: [*note, str(path)])
worker.work(drain=True, poll_seconds=0.001)
"""


@pytest.fixture(scope="module")
def request_of(tmp_path_factory):
    return make_requests(tmp_path_factory.mktemp("data"))


@pytest.fixture
def queue(tmp_path):
    return JobQueue(tmp_path / "jobs")


def worker(queue, script=NOTE, slots=1):
    return Worker(queue, [""] * slots, lambda path, device: ["sh", "-c", script, str(path)])


def states(queue):
    return [job.status().state for job in queue.list()]


def test_two_workers_race_and_no_job_runs_twice(queue, request_of):
    for seed in range(100):
        queue.submit(request_of(seed))
    command = [sys.executable, "-c", RACE, str(queue.root)]
    racing = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in racing] == [0, 0]
    jobs = queue.list()
    assert len(jobs) == 100
    assert all((job.path / "ran").read_text() == "x\n" for job in jobs)
    assert all(job.status().state == "done" and job.status().attempts == 1 for job in jobs)


@pytest.mark.parametrize(
    ("script", "state", "message"),
    [
        ("true", "done", ""),
        ("echo first >&2; echo 'error: no data' >&2; exit 3", "failed", "no data"),
        ("exit 1", "failed", "nothing on stderr"),
        ("exit 130", "interrupted", "stopped with its worker"),
        ("kill -9 $$", "failed", "killed by SIGKILL (out of memory?)"),
    ],
)
def test_how_a_process_ends_is_the_state(queue, request_of, script, state, message):
    job, _ = queue.submit(request_of())
    worker(queue, script).work(drain=True, poll_seconds=0.01)
    status = job.status()
    assert (status.state, status.message) == (state, message)
    assert status.ended >= status.started >= status.submitted
    worker(queue, script).work(drain=True, poll_seconds=0.01)
    assert job.status().attempts == 1


def test_slots_bound_what_runs_at_a_time(queue, request_of):
    for seed in range(3):
        queue.submit(request_of(seed))
    running = []
    runner = worker(queue, "sleep 0.1", slots=2)

    def stopped():
        running.append(len(runner._running))
        return False

    runner.work(drain=True, stopped=stopped, poll_seconds=0.01)
    assert max(running) == 2
    assert states(queue) == ["done"] * 3


def test_a_running_job_is_cancelled(queue, request_of):
    job, _ = queue.submit(request_of())
    looks = iter(range(1000))

    def stopped():
        if next(looks) == 3:
            job.cancel_file.touch()
        return False

    worker(queue, "exec sleep 30").work(drain=True, stopped=stopped, poll_seconds=0.01)
    assert job.status().state == "cancelled"
    assert not job.cancel_file.exists()


def test_a_stopped_worker_interrupts_what_it_runs(queue, request_of):
    job, _ = queue.submit(request_of())
    looks = iter(range(1000))
    worker(queue, "exec sleep 30").work(stopped=lambda: next(looks) == 3, poll_seconds=0.01)
    assert job.status().state == "interrupted"


def test_a_damaged_job_does_not_stop_the_others(queue, request_of):
    damaged, _ = queue.submit(request_of(0))
    job, _ = queue.submit(request_of(1))
    damaged.status_file.write_text("{")
    worker(queue).work(drain=True, poll_seconds=0.01)
    assert job.status().state == "done"


@pytest.mark.slow
def test_a_killed_worker_leaves_an_interrupted_job_that_goes_on(queue, request_of, tmp_path):
    longer = replace(request_of(), recipe=replace(request_of().recipe, steps=60))
    whole, _ = queue.submit(longer)
    Worker(queue, [""], training_command(1)).work(drain=True)
    assert whole.status().state == "done", whole.status()

    other = type(queue)(tmp_path / "other")
    job, _ = other.submit(longer)
    command = [
        sys.executable,
        "-m",
        "evonas",
        "worker",
        "--jobs",
        str(other.root),
        "--slots",
        "2",
    ]
    process = subprocess.Popen(command, start_new_session=True)
    wait_for(lambda: job.progress().step >= 1, 60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: job.status().state == "interrupted", 10)
    other.resume(job)
    Worker(other, [""], training_command(1)).work(drain=True)
    assert job.status().state == "done", job.status()
    assert job.status().attempts == 2
    ours, theirs = (json.loads(j.run.metrics.read_text())["val"] for j in (job, whole))
    assert ours == theirs


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.05)
