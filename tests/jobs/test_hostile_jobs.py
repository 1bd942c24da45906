"""One bad job folder does not end the good ones."""

import json
import os
import resource
import shutil
import signal

import pytest

from evonas.cli import main
from evonas.errors import DataError, SchemaError
from evonas.jobs import Job, JobQueue, JobStatus, describe_job
from evonas.jobs.worker import Worker
from evonas.locks import is_locked, take_lock
from tests.jobs.hostile import HOSTILE
from tests.jobs.small_jobs import make_requests

NOTE = 'echo x >> "$0/ran"'


@pytest.fixture(scope="module")
def request_of(tmp_path_factory):
    return make_requests(tmp_path_factory.mktemp("data"))


@pytest.fixture
def queue(tmp_path):
    return JobQueue(tmp_path / "jobs")


def worker(queue, script=NOTE, said=None):
    report = said.append if said is not None else lambda line: None
    return Worker(queue, [""], lambda path, device: ["sh", "-c", script, str(path)], report)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_bad_job_is_named_and_the_next_one_runs(queue, request_of, what, capsys):
    bad, _ = queue.submit(request_of(0))
    good, _ = queue.submit(request_of(1))
    HOSTILE[what](bad.path)
    said = []
    worker(queue, said=said).work(drain=True, poll_seconds=0.01)
    assert good.status().state == "done"
    assert not (bad.path / "ran").exists()
    is_job = len(queue.list()) == 2
    assert sum("skipped" in line for line in said) == is_job
    assert main(["job", "list", "--jobs", str(queue.root)]) == 0
    shown = capsys.readouterr().out
    assert good.id in shown
    assert "\x1b" not in shown + "".join(said)


def test_a_job_that_is_deleted_while_it_is_listed_is_left_out(queue, request_of, monkeypatch):
    gone, _ = queue.submit(request_of(0))
    good, _ = queue.submit(request_of(1))
    found = os.listdir(queue.root)
    shutil.rmtree(gone.path)
    monkeypatch.setattr("evonas.jobs.queue.os.listdir", lambda _: found)
    assert queue.list() == [good]
    assert describe_job(gone)["state"] == "damaged"


def test_a_job_that_is_deleted_while_it_runs_does_not_end_the_worker(queue, request_of):
    gone, _ = queue.submit(request_of(0))
    good, _ = queue.submit(request_of(1))
    script = f'if [ "$0" = "{gone.path}" ]; then rm -r "$0"; else {NOTE}; fi'
    worker(queue, script).work(drain=True, poll_seconds=0.01)
    assert good.status().state == "done"
    assert not gone.path.exists()


def test_a_full_disk_leaves_the_job_queued(queue, request_of, monkeypatch):
    full, _ = queue.submit(request_of(0))
    good, _ = queue.submit(request_of(1))
    write = Job.write_status

    def fail(job, status):
        if job == full:
            raise DataError(f"{job.status_file}: cannot be written: No space left on device")
        write(job, status)

    monkeypatch.setattr(Job, "write_status", fail)
    said = []
    worker(queue, said=said).work(drain=True, poll_seconds=0.01)
    assert (full.status().state, good.status().state) == ("queued", "done")
    assert [line for line in said if "No space left" in line]
    assert not is_locked(full.claim)


def test_files_beyond_the_size_limit_of_the_process_are_a_full_disk(queue, request_of):
    """The system itself refuses to write: no status can be, yet the worker ends in peace."""
    job, _ = queue.submit(request_of(0))
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        said = []
        worker(queue, said=said).work(drain=True, poll_seconds=0.01)
        os._exit(0 if any("cannot be written" in line for line in said) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert job.status().state == "queued"
    assert sorted(path.name for path in job.path.iterdir() if path.name.startswith(".")) == []


def test_a_lock_that_is_no_file_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "made-by-the-lock")
    for path in (tmp_path / "folder", tmp_path / "link"):
        with pytest.raises(SchemaError, match="cannot be used as a lock"):
            take_lock(path)
        with pytest.raises(SchemaError, match="cannot be used as a lock"):
            is_locked(path)
    assert not (tmp_path / "made-by-the-lock").exists()


@pytest.mark.parametrize(
    "line",
    ['{"step": 0, "seconds": 1, "loss": 1, "images_per_second": 1}', '{"step": 3, "loss": "low"}',
     '{"step": 3, "seconds": [], "loss": 1, "images_per_second": 1}', "[" * 100_000,
     '{"step": 2, "seconds": 1, "map": "high"}'],
)  # fmt: skip
def test_curves_of_wrong_types_do_not_end_the_list(queue, request_of, line, capsys):
    job, _ = queue.submit(request_of(0))
    job.run.curves.write_text(line + "\n")
    assert main(["job", "list", "--jobs", str(queue.root), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["jobs"]
    assert (entry["state"], entry["step"]) == ("queued", 0)


@pytest.mark.parametrize(
    "change", [{"seed": "x"}, {"architecture": 3}, {"recipe": [1]}, {"table": 7}, {"version": None}]
)
def test_a_request_of_wrong_types_is_damaged(queue, request_of, change):
    job, _ = queue.submit(request_of(0))
    content = json.loads(job.run.config.read_text()) | change
    job.run.config.write_text(json.dumps(content))
    assert describe_job(job)["state"] == "damaged"


def test_what_a_failed_job_said_cannot_move_the_cursor(queue, request_of, capsys):
    job, _ = queue.submit(request_of(0))
    job.errors.write_bytes(b"\x1b[2Jgone\n")
    job.write_status(JobStatus("failed", 0, 0))
    assert main(["job", "logs", job.id, "--jobs", str(queue.root)]) == 0
    assert capsys.readouterr().err == "\\x1b[2Jgone\n"
