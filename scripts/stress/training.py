"""Kills a training at random moments and resumes it: its weights must be those of a run in peace.

python -m scripts.stress.training --data data/digits --kills 10
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from safetensors.torch import load_file

from evonas.retraining import RunFolder


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    arch: str = "pico:0000000",
    kills: int = 10,
    steps: int = 120,
    seed: int = 0,
) -> None:
    """Prints what each kill hit, and whether the end is the same; exit code 1 if not."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        changes = [f"steps={steps}", "batch_size=8", "validations=12", "warmup_steps=10"]
        options = [part for change in changes for part in ("--set", change)]
        start = ["train", arch, "--data", str(data), *options, "--threads", "1", "--out"]
        _evonas([*start, str(whole)]).wait()
        command = [*start, str(killed)]
        for number in range(kills):
            process = _evonas(command)
            # Some steps further than before, and then at any moment of a step or a save.
            wanted = _step(killed) + rng.integers(1, max(2, 2 * steps // kills))
            while process.poll() is None and _step(killed) < wanted:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.3))
            process.kill()
            process.wait()
            print(f"kill {number + 1} at step {_step(killed)}", flush=True)
            if (killed / "config.json").exists():
                command = ["train", "--resume", "--out", str(killed)]
        code = _evonas(command).wait()
        same = code == 0 and _same(whole, killed)
        print(f"{kills} kills, {steps} steps: {'the same weights' if same else 'OTHER WEIGHTS'}")
    raise typer.Exit(0 if same else 1)


def _step(run: Path) -> int:
    rows = RunFolder(run).read_curves()
    return int(rows[-1]["step"]) if rows else 0


def _evonas(arguments: list[str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "evonas", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _same(a: Path, b: Path) -> bool:
    """Whether last and best weights of two runs are equal, bit for bit."""
    best = [load_file(RunFolder(path).best) for path in (a, b)]
    last = [torch.load(RunFolder(path).checkpoint, weights_only=True) for path in (a, b)]
    pairs = [
        best,
        [content["network"] for content in last],
        [content["average"] for content in last],
    ]
    return all(torch.equal(one[name], two[name]) for one, two in pairs for name in one)


if __name__ == "__main__":
    typer.run(main)
