import json
import re
import signal
import subprocess
import sys
import time

import pytest

from evonas.cli import main
from evonas.data import make_digits
from evonas.retraining import RunFolder
from evonas.space import resolve

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
        ([ARCHITECTURE, "--data", "/nowhere"], 3, "no COCO-format split 'train'"),
        (["pico:9", "--data", "."], 3, "arch_id 'pico:9'"),
    ],
)
def test_bad_requests_have_one_line_and_an_exit_code(arguments, code, message, capsys):
    assert main(["train", *arguments]) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


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
