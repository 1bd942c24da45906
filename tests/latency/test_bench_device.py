"""The file that measures samples on a board: alone, in an environment without evonas."""

import csv
import os
import signal
import subprocess
import sys
import time
import venv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from evonas.errors import DataError
from evonas.latency import import_device, load_measurements, measurements_path
from evonas.latency.campaigns import bench_device
from evonas.latency.campaigns.imports import read_results
from evonas.latency.campaigns.samples import export_samples
from evonas.space import load_space

PICO = load_space("pico")


def board(folder: Path, *packages: str) -> Path:
    """Returns the Python of a fresh environment that holds some packages of this one."""
    venv.create(folder, with_pip=False, symlinks=True)
    [place] = folder.glob("lib/python*/site-packages")
    for name in packages:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            pytest.skip(f"{name} is not installed")
        package = Path(spec.submodule_search_locations[0])
        (place / name).symlink_to(package)
        if (libraries := package.with_name(f"{name}.libs")).exists():
            (place / libraries.name).symlink_to(libraries)
    return folder / "bin" / "python"


def command(python: Path, samples: Path, *options: str) -> list[str]:
    return [str(python), "-I", str(samples / "bench_device.py"), "--seconds", "0.02", *options]


def rows_of(samples: Path) -> list[dict[str, str]]:
    with open(samples / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_killed_board_goes_on_and_its_times_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVONAS_HOME", str(tmp_path / "home"))
    python = board(tmp_path / "board", "ai_edge_litert", "numpy", "flatbuffers")
    alone = subprocess.run([python, "-I", "-c", "import evonas"], capture_output=True)
    assert alone.returncode == 1
    samples = tmp_path / "samples"
    export_samples(PICO, 20, samples)
    running = subprocess.Popen(command(python, samples, "--rest", "0.3"), stderr=subprocess.PIPE)
    while sum(bool(row["latency"]) for row in rows_of(samples)) < 3:
        assert running.poll() is None, running.stderr and running.stderr.read()
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    before = [row for row in rows_of(samples) if row["latency"]]
    assert 3 <= len(before) < 20
    ended = subprocess.run(command(python, samples), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    rows = rows_of(samples)
    assert rows[: len(before)] == before
    for row in rows:
        assert float(row["low"]) <= float(row["latency"]) <= float(row["high"])
        assert row["runtime"].startswith("ai_edge_litert")
        assert (row["threads"], row["unit"]) == ("1", "ms")
        assert float(row["reference"]) > 0
    others = subprocess.run(
        command(python, samples, "--threads", "2"), capture_output=True, text=True
    )
    assert others.returncode == 2
    assert "measured with threads 1, this is 2" in others.stderr
    faulty = tmp_path / "faulty"
    export_samples(PICO, 20, faulty)
    (faulty / "tflite" / f"{rows[0]['file']}.tflite").write_bytes(b"no network")
    refused = subprocess.run(command(python, faulty), capture_output=True, text=True)
    assert refused.returncode == 2
    assert "cannot be run" in refused.stderr
    assert "Traceback" not in refused.stderr
    found = import_device(samples / "results.csv", "my-board", "pico", force=True)
    assert found.predictor.n_train == 20
    kept = load_measurements(measurements_path("my-board", PICO), PICO)
    assert kept.versions["threads"] == "1"
    assert kept.versions["runtime"].startswith("ai_edge_litert")
    assert (kept.columns["spread"] >= 0).all()
    assert (kept.columns["reference_ms"] > 0).all()


@pytest.mark.slow
def test_onnx_runtime_serves_as_well_and_without_either_both_are_named(tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    export_samples(PICO, 20, samples)
    bare = subprocess.run(
        command(board(tmp_path / "bare"), samples), capture_output=True, text=True
    )
    assert bare.returncode == 2
    assert "no LiteRT (pip install ai-edge-litert) and no ONNX Runtime" in bare.stderr
    python = board(tmp_path / "board", "onnxruntime", "numpy")
    ended = subprocess.run(command(python, samples), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert {row["runtime"].split()[0] for row in rows_of(samples)} == {"onnxruntime"}
    assert all(float(row["latency"]) > 0 for row in rows_of(samples))


def test_it_needs_the_standard_library_and_a_runtime_alone() -> None:
    import ast

    tree = ast.parse(Path(bench_device.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
             for alias in node.names}  # fmt: skip
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    roots = {name.partition(".")[0] for name in names}
    assert roots - set(sys.stdlib_module_names) == {"numpy"}  # what both runtimes bring


def test_times_are_carried_to_one_state_of_the_board(tmp_path: Path) -> None:
    genotypes = np.unique(PICO.sample(30, np.random.default_rng(0)), axis=0)[:20]
    ids = PICO.arch_ids(genotypes)
    lines = ["arch_id,latency,unit,low,high,reference,threads,governor"]
    for number, arch_id in enumerate(ids):
        heat = 2.0 if number % 4 == 0 else 1.0  # throttled: everything takes twice as long
        ms = heat * (1 + number)
        lines.append(f"{arch_id},{ms},ms,{0.9 * ms},{1.1 * ms},{3 * heat},1,ondemand")
    path = tmp_path / "r.csv"
    path.write_text("\n".join(lines))
    found = read_results(path, "my-board", PICO, force=True)
    np.testing.assert_allclose(found.latency_ms, 1 + np.arange(20))
    np.testing.assert_allclose(found.columns["spread"], 0.2)
    assert found.versions["governor"] == "ondemand"
    path.write_text("\n".join(lines).replace(",1,ondemand", ",4,ondemand", 1))
    with pytest.raises(DataError, match="threads differs: 1, 4; figures of both do not mix"):
        read_results(path, "my-board", PICO, force=True)
    path.write_text("\n".join(lines).replace(",3.0,1", ",-3.0,1", 1))
    with pytest.raises(DataError, match=r"reference -3.0 must be a finite number above 0"):
        read_results(path, "my-board", PICO, force=True)
