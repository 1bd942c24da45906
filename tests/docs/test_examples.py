"""The examples are short, run, and say what they found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, name_of, programs

# What stands in the output of each, and whether it is slow.
_SAYS = {
    "latency.py": "mobiledet-edgetpu",
    "own_scorer.py": "of the best possible",
    "optuna_pruner.py": "of the true front's hypervolume",
    "pymoo_problem.py": "of the true front's hypervolume",
    "query_table.py": "nano:",
    "search_table.py": "pico:",
    "train_and_export.py": "detector.tflite",
}
_SLOW = {"train_and_export.py"}


def test_there_are_five_or_more_and_all_are_run() -> None:
    assert {path.name for path in programs()} == {*_SAYS}
    assert len(_SAYS) >= 5


@pytest.mark.parametrize("path", programs(), ids=name_of)
def test_an_example_is_short(path: Path) -> None:
    assert sum(bool(line.strip()) for line in path.read_text().splitlines()) <= 34


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.name, marks=[pytest.mark.slow] * (path.name in _SLOW))
        for path in programs()
    ],
)
def test_an_example_runs_as_it_stands(path: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert _SAYS[path.name] in done.stdout
