"""Kills `evonas find` in each of its stages and compares what comes out with an unkilled run.

    python -m scripts.stress.find --runs 10

Every run starts from the plan of the first one (its figures are measured, and measure differently
each time), gets SIGKILL once in each stage at a random moment, with all its processes, and is
started again until it is done. It prints a table; exit code 1 if any result differs.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import typer

from evonas.data import make_digits
from evonas.files import write_json
from evonas.find import FindSpec
from evonas.find.spec import claim_folder

PLAN = {
    "supernet_steps": 30, "population": 8, "generations": 3, "training_steps": 30,
    "seconds": {}, "memory": 1,
}  # fmt: skip
_LIVELY = 0.9  # of a stage's time, within which it is killed


def run(out: Path, data: Path, kills: Sequence[str], took: dict[str, float], seed: int) -> int:
    """Runs a find to its end, killing it once in each of some stages.

    Args:
        out: Its folder; the plan and the user's folder are put beside it.
        data: The data set.
        kills: Names of stages.
        took: Seconds of the stages, from which the moments are drawn.
        seed: Of the moments.

    Returns:
        How many times it was killed.
    """
    moments, left, killed = random.Random(seed), set(kills), 0
    spec = FindSpec(data, "ethos-u55-256", ("latency <= 2",), 64, changes=("validations=2",))
    claim_folder(out, spec)
    write_json(out / "plan.json", PLAN)
    command = [
        sys.executable, "-m", "evonas", "find", "--data", str(data), "--out", str(out),
        "--device", spec.device, "--where", *spec.where, "--image-size", str(spec.image_size),
        "--set", *spec.changes,
    ]  # fmt: skip
    environment = {**os.environ, "EVONAS_HOME": str(out.parent / "home"), "OMP_NUM_THREADS": "1"}
    while True:
        process = subprocess.Popen(
            command, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stage = _wait_for_stage(process, out, left)
        if stage is None:
            if process.returncode:
                raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
            return killed
        time.sleep(moments.uniform(0, _LIVELY * took.get(stage, 1.0)))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        left.discard(stage)


def outcome(out: Path) -> dict[str, Any]:
    """Returns what must not depend on kills: front, APs and the exported networks."""
    found: dict[str, Any] = {"front": (out / "search" / "front.csv").read_text()}
    for folder in sorted((out / "trained").iterdir()):
        metrics = json.loads((folder / "metrics.json").read_text())
        metrics.pop("seconds")
        found[f"trained {folder.name}"] = metrics
    for path in sorted(out.glob("val-*.json")):
        found[path.name] = json.loads(path.read_text())["coco"]
    for path in sorted((out / "files").glob("*.tflite")):
        found[path.name] = sha256(path.read_bytes()).hexdigest()
    return found


def seconds_of_stages(out: Path) -> dict[str, float]:
    """Returns what each stage took."""
    took: dict[str, float] = json.loads((out / "progress.json").read_text())["took"]
    return took


def _wait_for_stage(process: "subprocess.Popen[bytes]", out: Path, wanted: set[str]) -> str | None:
    """Waits until one of the stages runs; None if the process ends first."""
    while process.poll() is None:
        try:
            progress = json.loads((out / "progress.json").read_text())
        except (OSError, ValueError):
            progress = {}
        if progress.get("state") == "running" and progress["stage"] in wanted:
            return str(progress["stage"])
        time.sleep(0.05)
    return None


def main(runs: int = 10, seed: int = 0) -> None:
    """Runs them all and prints the table."""
    differing = 0
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        data = make_digits(root / "digits", train=64, val=24)
        run(root / "unkilled" / "find", data, (), {}, seed)
        expected = outcome(root / "unkilled" / "find")
        took = seconds_of_stages(root / "unkilled" / "find")
        stages = [stage for stage in took if stage != "cost"]
        typer.echo("run  kills  result")
        for number in range(runs):
            out = root / str(number) / "find"
            killed = run(out, data, stages, took, seed + number)
            found = outcome(out)
            other = [key for key in expected if found.get(key) != expected[key]]
            differing += bool(other)
            typer.echo(f"{number:3}  {killed:5}  {', '.join(other) or 'the same'}")
            shutil.rmtree(out.parent)
    raise typer.Exit(1 if differing else 0)


if __name__ == "__main__":
    typer.run(main)
