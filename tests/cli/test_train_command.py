import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evonas.cli import main
from evonas.data import make_digits
from evonas.detector import Detector
from evonas.detector.archive import Archive, Card, save_archive
from evonas.retraining import RunFolder
from evonas.space import resolve
from evonas.table import create_table

ARCHITECTURE = "pico:0000000"
OPTIONS = [
    "--set", "steps=4", "--set", "batch_size=4", "--set", "validations=1", "--threads", "1",
]  # fmt: skip


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=12, val=6)


def test_a_training_prints_its_figures(digits, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", ARCHITECTURE, "--data", str(digits), "--out", str(out), *OPTIONS]) == 0
    captured = capsys.readouterr()
    assert "ap75" in captured.out
    assert "AP of 7" in captured.out
    rates = re.findall(r"([0-9.]+) images/s", captured.err)
    assert rates
    assert min(map(float, rates)) > 0
    assert main(["train", "--resume", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 4
    assert main(["train", ARCHITECTURE, "--data", str(digits), "--out", str(out)]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert main(["export", str(out), "--format", "archive", "--out", str(tmp_path / "files")]) == 0


def test_a_training_resolves_its_name_once(digits, tmp_path, monkeypatch):
    asked = []

    def counted(name):
        asked.append(name)
        return resolve(name)

    for module in [m for name, m in sys.modules.items() if name.startswith("evonas")]:
        if vars(module).get("resolve") is resolve:  # however it was imported there
            monkeypatch.setattr(module, "resolve", counted)
    out = str(tmp_path / "run")
    assert main(["train", ARCHITECTURE, "--data", str(digits), "--out", out, *OPTIONS]) == 0
    assert asked == [ARCHITECTURE]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "name the architecture and its --data"),
        (["--resume"], 2, "--resume needs --out"),
        (["--resume", "--out", "/nowhere"], 3, "no such file; expected a run"),
        ([ARCHITECTURE, "--data", "/nowhere"], 3, "/nowhere: no such folder"),
        (["pico:9", "--data", "."], 3, "arch_id 'pico:9'"),
    ],
)
def test_bad_requests_have_one_line_and_an_exit_code(arguments, code, message, capsys):
    assert main(["train", *arguments]) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--init", "damaged.safetensors"], 3, "damaged: its content is not what was written"),
        (["--init", "other.safetensors"], 2, "weights of pico:1000000, not of pico:0000000"),
        (["--table", "damaged.safetensors"], 3, "no readable benchmark table"),
        (["--table", "damaged.safetensors/table"], 3, "cannot be made: Not a directory"),
        (["--table", "table"], 3, "has 'trained_map' of another data"),
        (["--set", "batch_size=2", "--set", "steps=300"], 1, "out of memory with a batch of 2"),
        (["--space", "nano"], 2, "--space defines 'nano', but pico:0000000 is of the space 'pico'"),
    ],
)
def test_what_cannot_work_is_said_first_and_leaves_nothing(
    digits, tmp_path, capsys, monkeypatch, options, code, message
):
    def without_room(*_, **__):
        raise RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        )

    monkeypatch.setattr("evonas.training.cost.train", without_room)
    monkeypatch.chdir(tmp_path)
    damaged, other = tmp_path / "damaged.safetensors", resolve("pico:1000000")
    for file, design in ((damaged, resolve(ARCHITECTURE)), (tmp_path / "other.safetensors", other)):
        card = Card(design.name, tuple("0123456789"))
        save_archive(file, Archive(Detector(design.architecture), card))
    content = bytearray(damaged.read_bytes())
    content[-5] ^= 1
    damaged.write_bytes(content)
    if "table" in options:
        provenance = {"source": "trained", "data": "others"}
        create_table("table").append(
            other.space, other.genotype[None], {"trained_map": [0.5]}, provenance=provenance
        )
    before = sorted(tmp_path.rglob("*"))
    command = ["train", ARCHITECTURE, "--data", str(digits), "--out", "run", *OPTIONS, *options]
    assert main(command) == code
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_space_is_that_of_the_architecture(digits, tmp_path, capsys):
    other = ["--data", str(digits), "--out", str(tmp_path / "run")]
    for name, space, of in (
        ("mobiledet-cpu", "pico", "of the space 'mobiledet@cpu'"),
        ("pico:0000000", "nano", "of the space 'pico'"),
        ("ssdlite-mobilenet-v2", "mobiledet", "of no space"),
    ):
        assert main(["train", name, "--space", space, *other]) == 2
        assert f"--space defines {space!r}, but {name} is {of}" in capsys.readouterr().err
    for name, space in (("mobiledet-cpu", "mobiledet"), ("mobiledet-cpu", "mobiledet@cpu")):
        refused = main(["train", name, "--space", space, *other, "--table", str(digits)])
        assert refused == 3  # for the table
        assert "no folder of a table" in capsys.readouterr().err


def test_a_supernets_batch_without_room_is_said(digits, tmp_path, capsys, monkeypatch):
    def without_room(*_, **__):
        raise MemoryError

    monkeypatch.setattr("evonas.training.cost.train", without_room)
    monkeypatch.setattr("evonas.supernet.train.train", without_room)
    command = ["supernet", "train", "--space", "pico", "--data", str(digits)]
    command += ["--out", str(tmp_path / "s.safetensors"), "--set", "batch_size=7"]
    for steps in (3, 300):  # without and with measuring first
        assert main([*command, "--set", f"steps={steps}"]) == 1
        assert "error: out of memory with a batch of 7 images" in capsys.readouterr().err


def test_no_run_lies_in_the_data_or_in_a_file_and_no_table_hides_a_shipped_one(
    digits, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    command = ["train", ARCHITECTURE, "--data", str(digits), *OPTIONS]
    before = sorted(digits.rglob("*"))
    for more, message in (
        (["--out", str(digits / "run")], "whose fingerprint would change"),
        (["--out", "file"], "file: is a file; name a folder with --out"),
        (["--out", "run", "--table", "nano-v5"], "nano-v5: is a shipped table"),
    ):
        assert main([*command, *more]) == 2
        assert message in capsys.readouterr().err
    assert sorted(digits.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_reported(digits, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    out = tmp_path / "run"
    assert main(["train", ARCHITECTURE, "--data", str(digits), "--out", str(out), *OPTIONS]) == 3
    assert "config.json: cannot be written: No space left on device" in capsys.readouterr().err


LITTLE_MEMORY = """
import resource, sys
import torch
from evonas.cli import main
import evonas.retraining.run
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 3 * 2**30, used + 3 * 2**30))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_batch_without_room_is_refused_with_one_that_fits(digits, tmp_path):
    arguments = ["train", ARCHITECTURE, "--data", str(digits), "--out", str(tmp_path / "run")]
    command = [sys.executable, "-c", LITTLE_MEMORY, *arguments, *OPTIONS, "--set"]
    refused = subprocess.run(
        [*command, "batch_size=2048"], capture_output=True, text=True, timeout=200
    )
    assert refused.returncode == 1
    assert "out of memory with a batch of 2048 images; " in refused.stderr
    assert " fit: --set batch_size=" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_exits_130(digits, tmp_path, number):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "evonas", "train", ARCHITECTURE, "--data", str(digits)]
    command += ["--out", str(out), *OPTIONS, "--set", "steps=4000"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while not RunFolder(out).read_curves():
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "interrupted: saved in" in said
    assert RunFolder(out).checkpoint.exists()
