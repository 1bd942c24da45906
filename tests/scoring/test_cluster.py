import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from evonas.data import make_digits
from evonas.errors import ConfigurationError
from evonas.scoring import CachedScorer, MemoryStore, ScorerOptions, load_scorer
from evonas.scoring.supernet import SupernetScorer
from evonas.space import load_space
from evonas.supernet import save_supernet
from evonas.supernet.train import new_supernet

SPACE = load_space("pico")
pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    nano = load_space("nano")
    card = {"space": "nano", "fingerprint": nano.fingerprint, "classes": list("0123456789")}
    save_supernet(folder / "nano.safetensors", new_supernet("nano", 10, 0).state_dict(), card)
    data = make_digits(folder / "digits", train=20, val=12)
    return ScorerOptions(SPACE, folder / "nano.safetensors", data)


@pytest.fixture
def cluster():
    import ray

    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()


def kill_one_worker(after):
    """Kills a process that scores, as a machine that is lost would."""

    def kill():
        from ray.util.state import list_actors

        time.sleep(after)
        alive = [actor for actor in list_actors() if actor.state == "ALIVE"]
        os.kill(alive[0].pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def test_a_cluster_that_loses_a_worker_scores_like_one_process(options, cluster):
    genotypes = np.unique(SPACE.sample(60, np.random.default_rng(0)), axis=0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker
    serial = SupernetScorer(options.weights, options.data, SPACE)(genotypes)
    torch.set_num_threads(before)

    scorer = load_scorer("supernet", replace(options, ray="auto"))
    assert scorer.workers == 2
    first = scorer(genotypes[:4])
    killer = kill_one_worker(after=0.3)
    cached = CachedScorer(SPACE, scorer, MemoryStore())
    found = cached(genotypes[::-1])
    killer.join()
    assert cached.scored == len(genotypes)
    for name in ("map", "map50"):
        np.testing.assert_array_equal(found[name][::-1], serial[name])
        np.testing.assert_array_equal(first[name], serial[name][:4])
    assert dict(scorer.provenance) == dict(
        SupernetScorer(options.weights, options.data, SPACE).provenance
    )


def test_a_cluster_that_is_not_there_is_refused(options):
    with pytest.raises(ConfigurationError, match=r"--ray 127\.0\.0\.1:1: no such cluster"):
        load_scorer("supernet", replace(options, ray="127.0.0.1:1"))
