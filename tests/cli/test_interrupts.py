"""Ctrl-C in a long command keeps what there is and says where."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from evonas.cli import main
from evonas.data import make_digits
from evonas.files import atomic_file, remove_partial_files
from evonas.training.loop import Average


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=12, val=6)


@pytest.fixture
def ctrl_c_at_step(monkeypatch):
    """Returns what presses Ctrl-C while a training does that step."""
    update = Average.update

    def at(wanted):
        def pressed(average, network, step):
            if step == wanted:
                signal.raise_signal(signal.SIGINT)
            update(average, network, step)

        monkeypatch.setattr(Average, "update", pressed)

    return at


def raising(*_, **__):
    raise KeyboardInterrupt


def test_a_supernet_is_saved_and_resumed(digits, tmp_path, ctrl_c_at_step, capsys):
    out = tmp_path / "net.safetensors"
    call = ["supernet", "train", "--space", "pico", "--data", str(digits), "--out"]
    how = ["--set", "steps=4", "--set", "batch_size=4", "--threads", "1"]
    ctrl_c_at_step(1)
    assert main([*call, str(out), *how]) == 130
    said = capsys.readouterr().err
    checkpoint = tmp_path / "net.kinds-0.checkpoint.pt"
    assert f"interrupted: saved in {checkpoint}; the same command resumes" in said
    assert checkpoint.exists()
    assert not out.exists()
    ctrl_c_at_step(99)
    assert main([*call, str(out), *how]) == 0
    assert not checkpoint.exists()
    assert main([*call, str(tmp_path / "whole.safetensors"), *how]) == 0
    from safetensors.numpy import load_file

    ours, whole = load_file(out), load_file(tmp_path / "whole.safetensors")
    assert all(np.array_equal(ours[name], whole[name]) for name in whole)


def test_a_training_says_how_to_resume(digits, tmp_path, ctrl_c_at_step, capsys):
    out = tmp_path / "run"
    ctrl_c_at_step(1)
    call = ["train", "pico:0000000", "--data", str(digits), "--out", str(out)]
    assert main([*call, "--set", "steps=4", "--set", "batch_size=4", "--threads", "1"]) == 130
    said = capsys.readouterr().err
    assert "saving after this step" in said
    assert f"interrupted: saved in {out / 'last.pt'}; resume with: evonas train --resume" in said


@pytest.mark.parametrize(
    ("what", "command", "says"),
    [
        ("evonas.latency.campaigns.campaign.measure_all",
         ["device", "measure", "--device", "systolic-64x64", "--space", "pico", "--data-dir", "{}"],
         "networks measured so far are in"),
        ("evonas.benchmark.compare._perform",
         ["bench", "compare", "--problems", "pico/u55", "--algorithms", "random", "--seeds", "1",
          "--out", "{}"], "finished runs are in"),
        ("evonas.data.digits.draw_scene",
         ["data", "make", "digits", "--out", "{}/x"], "was not made; the same command"),
        ("evonas.latency.campaigns.samples.write_tflite",
         ["device", "export-samples", "--space", "pico", "--out", "{}"], "has some networks"),
    ],
)  # fmt: skip
def test_each_long_command_says_what_it_keeps(what, command, says, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(what, raising)
    assert main([part.format(tmp_path) for part in command]) == 130
    said = capsys.readouterr().err
    assert said.count("interrupted: ") == 1
    assert says in said
    assert "Traceback" not in said


def test_any_other_command_says_that_nothing_is_half_written(capsys, monkeypatch):
    monkeypatch.setattr("evonas.space.list_spaces", raising)
    assert main(["space", "list"]) == 130
    assert "interrupted: every file is complete" in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_ctrl_c_ends_a_comparison_and_its_workers_in_peace(tmp_path):
    command = [
        sys.executable, "-m", "evonas", "bench", "compare", "--problems", "pico/u55", "--seeds",
        "40", "--workers", "2", "--out", str(tmp_path), "--algorithms", "nsga2,smsemoa",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    end = time.monotonic() + 120
    while len(list(tmp_path.rglob("*.json"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert "finished runs are in" in said
    assert "Traceback" not in said


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    living = atomic_file(tmp_path / "net.pt")
    living.__enter__().write(b"x")
    (mine,) = tmp_path.glob(".*.partial")
    dead = tmp_path / ".abc.partial"
    dead.write_bytes(b"half")
    young = tmp_path / ".def.partial"
    young.write_bytes(b"half")
    for path in (mine, dead):
        os.utime(path, (1, 1))
    assert remove_partial_files(tmp_path) == [dead]
    assert young.exists()
    living.__exit__(None, None, None)
    assert (tmp_path / "net.pt").read_bytes() == b"x"
