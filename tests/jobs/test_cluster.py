"""Jobs on a Ray cluster of two workers, one of which is lost."""

import os
import signal
import subprocess
import threading
import time

import pytest

from evonas.errors import ConfigurationError
from evonas.jobs import JobQueue
from evonas.jobs.cluster import work_on_cluster
from tests.jobs.small_jobs import make_requests

pytestmark = pytest.mark.cluster


@pytest.fixture
def cluster():
    import ray

    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()


def kill_a_worker(queue):
    """Kills a Ray worker while both run a job, as with a machine that is lost."""
    end = time.monotonic() + 120
    while sum(job.status().state == "running" for job in queue.list()) < 2:
        assert time.monotonic() < end
        time.sleep(0.1)
    pids = subprocess.check_output(["pgrep", "-f", "ray::_ClusterWorker"], text=True)
    os.kill(int(pids.split()[0]), signal.SIGKILL)


def test_jobs_of_a_lost_worker_go_on_elsewhere(tmp_path, cluster):
    queue, request_of = JobQueue(tmp_path / "jobs"), make_requests(tmp_path)
    for seed in range(3):
        queue.submit(request_of(seed))
    killer = threading.Thread(target=kill_a_worker, args=(queue,), daemon=True)
    killer.start()
    work_on_cluster(queue.root, "auto", slots=2, drain=True)
    killer.join()
    jobs = queue.list()
    assert [job.status().state for job in jobs] == ["done"] * 3
    assert {job.status().attempts for job in jobs} == {1, 2}
    assert all(job.run.metrics.exists() for job in jobs)


def test_a_stopped_cluster_leaves_jobs_to_go_on_with(tmp_path, cluster):
    queue, request_of = JobQueue(tmp_path / "jobs"), make_requests(tmp_path)
    job, _ = queue.submit(request_of(0))
    work_on_cluster(queue.root, "auto", slots=1, stopped=lambda: job.status().state == "running")
    assert job.status().state == "interrupted"
    queue.resume(job)
    assert job.status().state == "queued"


def test_a_cluster_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"--ray 127\.0\.0\.1:1: no such cluster"):
        work_on_cluster(tmp_path, "127.0.0.1:1", slots=1)
