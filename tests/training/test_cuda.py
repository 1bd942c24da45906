"""What only a GPU shows: `pytest tests/training/test_cuda.py` on a machine that has one."""

import json

import numpy as np
import pytest
import torch

from evonas.cli import main
from evonas.data import load_coco, make_digits
from evonas.data.tensors import load_tensors
from evonas.detector.archive import load_archive
from evonas.retraining import RunFolder
from evonas.space import load_space
from evonas.supernet import UniformSampling, load_supernet
from evonas.supernet.train import new_supernet
from evonas.training.batch_size_probe import largest_batch
from evonas.training.loop import train
from evonas.training.processes import Processes
from evonas.training.recipe import Recipe
from evonas.training.validation import as_input

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
GPU = torch.device("cuda")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=24, val=10)


def losses_of_a_supernet(digits, device, **recipe):
    data = load_tensors(load_coco(digits, "train"), 64)
    losses = []
    train(
        new_supernet("pico", 10, 0).to(device),
        UniformSampling(load_space("pico"), 0),
        data,
        Recipe(**{"steps": 4, "batch_size": 8, "warmup_steps": 2} | recipe),
        seed=0,
        report=lambda progress: losses.append(progress.loss),
        report_steps=1,
    )
    return losses


def test_a_supernet_trains_as_on_the_cpu(digits):
    expected = losses_of_a_supernet(digits, torch.device("cpu"))
    np.testing.assert_allclose(losses_of_a_supernet(digits, GPU), expected, rtol=0.02)  # TF32


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_learns(digits, precision):
    losses = losses_of_a_supernet(digits, GPU, steps=60, learning_rate=0.01, **{precision: True})
    assert np.isfinite(losses).all()
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])


def test_a_supernet_of_the_command_line_is_read_on_the_cpu(digits, tmp_path, capsys):
    out = tmp_path / "supernet.safetensors"
    options = ["--space", "pico", "--data", str(digits), "--out", str(out), "--json"]
    changes = ["--set", "steps=3", "--set", "batch_size=8", "--set", "bfloat16=true"]
    assert main(["supernet", "train", *options, *changes, "--sampling", "fair+op-warmup"]) == 0
    assert json.loads(capsys.readouterr().out)["device"] == "cuda"
    supernet, _ = load_supernet(out)
    assert all(value.isfinite().all() for value in supernet.state_dict().values())


def test_a_detector_trained_there_finds_the_same_on_the_cpu(digits, tmp_path):
    changes = ["steps=150", "batch_size=8", "validations=2", "warmup_steps=10", "bfloat16=true"]
    options = [part for change in changes for part in ("--set", change)]
    run = tmp_path / "run"
    command = ["train", "pico:0000000", "--data", str(digits), "--out", str(run), *options]
    assert main([*command, "--device", "cuda"]) == 0
    detector = load_archive(RunFolder(run).best).detector.eval()
    images = as_input(load_tensors(load_coco(digits, "train"), 64).images)
    with torch.inference_mode():
        expected = detector(images)
        found = detector.to(GPU)(images.to(GPU))
    for cpu, gpu in zip(expected, found, strict=True):
        torch.testing.assert_close(gpu.cpu(), cpu, rtol=0.01, atol=0.02)  # TF32
    assert RunFolder(run).read_metrics()["val"]["map"] > 0.005


def test_a_batch_that_fits_is_found():
    assert 0 < largest_batch("mobiledet-cpu", 80, GPU, tried=1 << 13) < 1 << 13


def test_nccl_takes_what_processes_exchange():
    # One GPU makes no group of two, but a group of one makes every exchange.
    store = torch.distributed.HashStore()
    torch.cuda.set_device(0)
    torch.distributed.init_process_group("nccl", store=store, rank=0, world_size=1)
    try:
        processes = Processes(rank=0, count=2)
        value = torch.ones(3, device=GPU)
        assert processes.sum(value).tolist() == [1, 1, 1]
        processes.share_first([value])
        assert processes.from_first("text") == "text"
        assert processes.gather((1, "text"))[0] == (1, "text")
        parameter = torch.nn.Parameter(value)
        unused = torch.nn.Parameter(value)
        parameter.grad = torch.full_like(value, 4)
        processes.average_gradients([parameter, unused])
        assert parameter.grad.tolist() == [2, 2, 2]
        assert unused.grad is None
    finally:
        torch.distributed.destroy_process_group()
