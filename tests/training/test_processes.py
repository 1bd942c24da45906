"""Several processes that train one network together, as `torchrun` starts them."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from evonas.cli import main
from evonas.data import make_digits
from evonas.detector.network import named_convs
from evonas.errors import ConfigurationError
from evonas.retraining import RunFolder
from evonas.space import load_space
from evonas.supernet import UniformSampling, load_supernet
from evonas.supernet.train import new_supernet
from evonas.training.launch import pick_device
from evonas.training.processes import Processes

TOGETHER = [
    sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
]  # fmt: skip
SUPERNET = """
import sys, torch
from evonas.data import load_coco
from evonas.data.tensors import load_tensors
from evonas.training.launch import joined_processes
from evonas.space import load_space
from evonas.supernet import UniformSampling
from evonas.supernet.train import new_supernet
from evonas.training.loop import train
from evonas.training.recipe import Recipe
torch.set_num_threads(1)
data = load_tensors(load_coco(sys.argv[1], "train"), 64)
recipe = Recipe(steps=4, batch_size=8, warmup_steps=2, sync_norm=True)
losses = []
with joined_processes() as processes:
    train(new_supernet("pico", 10, 0), UniformSampling(load_space("pico"), 0), data, recipe, 0,
          report=lambda p: losses.append(p.loss), report_steps=1, processes=processes)
    if processes.rank == 0:
        print(losses)
"""


def test_a_batch_is_divided_evenly():
    assert Processes(1, 4).share(8) == slice(2, 4)
    with pytest.raises(ConfigurationError, match="8 images cannot be divided among 3"):
        Processes(0, 3).share(8)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_each_process_asks_for_a_gpu_of_its_own(monkeypatch):
    assert pick_device("") == torch.device("cpu")
    with pytest.raises(ConfigurationError, match="no device 'cuda:0' here"):
        pick_device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "3")
    with pytest.raises(ConfigurationError, match="no device 'cuda:3' here"):
        pick_device("cuda")
    with pytest.raises(ConfigurationError, match="no device 'cuda:1' here"):
        pick_device("cuda:1")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=24, val=10)


@pytest.mark.cluster
def test_two_processes_train_like_one_with_the_whole_batch(digits, tmp_path):
    changes = ["steps=8", "batch_size=8", "warmup_steps=2", "validations=2", "sync_norm=true"]
    changes.append("learning_rate=0.003")
    options = ["--data", str(digits), "--threads", "1", "--json"]
    options += [part for change in changes for part in ("--set", change)]
    train = ["train", "pico:0000000", *options, "--out"]
    assert main([*train, str(tmp_path / "one")]) == 0
    command = [*TOGETHER, "-m", "evonas", *train, str(tmp_path / "two")]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["steps"] == 8
    one, two = (RunFolder(tmp_path / name).read_curves() for name in ("one", "two"))
    for key, tolerance in (("loss", 1e-3), ("map", 0.2)):  # relative; Adam magnifies rounding
        expected = [row[key] for row in one if key in row]
        assert [row[key] for row in two if key in row] == pytest.approx(expected, rel=tolerance)


@pytest.mark.cluster
def test_two_processes_train_a_supernet_like_one(digits):
    script = ["-c", SUPERNET, str(digits)]
    alone = subprocess.run([sys.executable, *script], capture_output=True, text=True, check=True)
    together = subprocess.run(
        [*TOGETHER, "--no-python", sys.executable, *script],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert together.returncode == 0, together.stderr
    one, two = (json.loads(run.stdout) for run in (alone, together))
    assert len(one) == 4
    np.testing.assert_allclose(two, one, atol=1e-3)
    assert not torch.distributed.is_initialized()


@pytest.mark.cluster
def test_processes_train_a_supernet_each_with_an_architecture_of_its_own(digits, tmp_path):
    command = ["-m", "evonas", "supernet", "train", "--space", "pico", "--data", str(digits)]
    options = ["--sampling", "uniform", "--set", "steps=1", "--set", "batch_size=8", "--json"]
    options += ["--threads", "1"]
    weights = tmp_path / "supernet.safetensors"
    finished = subprocess.run(
        [*TOGETHER, *command, *options, "--out", str(weights)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["processes"] == 2
    before = new_supernet("pico", 10, 0).state_dict()
    after = load_supernet(weights)[0].state_dict()
    changed = {name for name, value in after.items() if not value.equal(before[name].half())}
    first, second = (used_weights(seed) for seed in (0, 1 << 32))
    assert first - second
    assert second - first
    assert {name for name in changed if name.endswith(".weight")} == first | second


def used_weights(seed: int) -> set[str]:
    """Returns the names of the convolutions that a seed's first architecture has."""
    architecture = UniformSampling(load_space("pico"), seed)(0)
    return {f"units.{name}.weight" for name, _ in named_convs(architecture)}
