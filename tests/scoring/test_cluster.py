import os
import signal
import threading
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


def kill_later(process, seconds):
    """Kills a process that scores, as with a machine that is lost."""
    thread = threading.Timer(seconds, os.kill, (process, signal.SIGKILL))
    thread.start()
    return thread


def test_a_cluster_that_loses_a_worker_scores_like_one_process(options, cluster):
    genotypes = np.unique(SPACE.sample(60, np.random.default_rng(0)), axis=0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker
    alone = SupernetScorer(options.weights, options.data, SPACE, by_size=True)
    serial = alone(genotypes)
    torch.set_num_threads(before)

    scorer = load_scorer("supernet", replace(options, by_size=True, ray="auto"))
    assert scorer.workers == 2
    first = scorer(genotypes[:4])
    victim = cluster.get(scorer._idle[0].ready.remote())
    killer = kill_later(victim, seconds=0.5)
    cached = CachedScorer(SPACE, scorer, MemoryStore())
    found = cached(genotypes[::-1])
    killer.join()
    processes = set(cluster.get([actor.ready.remote() for actor in scorer._idle]))
    assert victim not in processes
    assert cached.scored == len(genotypes)
    assert tuple(found) == alone.columns
    for name in alone.columns:
        np.testing.assert_array_equal(found[name][::-1], serial[name])
        np.testing.assert_array_equal(first[name], serial[name][:4])
    assert dict(scorer.provenance) == dict(alone.provenance)


def test_a_cluster_that_is_not_there_is_refused(options):
    with pytest.raises(ConfigurationError, match=r"--ray 127\.0\.0\.1:1: no such cluster"):
        load_scorer("supernet", replace(options, ray="127.0.0.1:1"))
