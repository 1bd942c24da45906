from dataclasses import replace

import pytest

from evonas.benchmark.baselines import (
    baselines_path,
    load_baselines,
    read_baselines,
    write_baselines,
)
from evonas.benchmark.loading import list_records
from evonas.benchmark.runs import RunKey, perform, save_run, saved_runs
from evonas.errors import SchemaError
from scripts.build.baselines import main as rebuild


def test_runs_are_read_back_as_they_were_for_their_own_version_only(tmp_path):
    for seed in (1, 0):
        save_run(tmp_path, perform(RunKey("pico/u55", "random", seed, 60, 20)))
    runs = saved_runs(tmp_path)
    assert [run.key.seed for run in runs] == [0, 1]
    path = baselines_path(tmp_path)
    write_baselines(path, runs)
    first = path.read_bytes()
    write_baselines(path, runs)
    assert path.read_bytes() == first
    found = load_baselines("pico/u55", runs[0].checksum, tmp_path)
    assert [(b.algorithm, b.seed, list(b.at)) for b in found] == [
        ("random", 0, runs[0].at), ("random", 1, runs[1].at),
    ]  # fmt: skip
    assert found[0].hypervolume == pytest.approx(runs[0].hypervolume, abs=1e-5)
    assert load_baselines("pico/u55", "another", tmp_path) == []
    assert load_baselines("pico/u55", "x", tmp_path / "nowhere") == []


def test_an_algorithm_alone_is_written_anew(tmp_path):
    runs = {
        name: perform(RunKey("pico/u55", name, 0, 60, 20)) for name in ("random", "local", "nsga2")
    }
    path, n = tmp_path / "baselines.csv.gz", len(runs["local"].at)
    write_baselines(path, [runs["random"], replace(runs["local"], hypervolume=[0.5] * n)])
    save_run(tmp_path, runs["local"])
    save_run(tmp_path, runs["nsga2"])
    rebuild(tmp_path, path, keep=True)
    [found] = read_baselines(path).values()
    assert {b.algorithm: len(b.at) for b in found} == dict.fromkeys(runs, n)
    for b in found:
        assert b.hypervolume == pytest.approx(runs[b.algorithm].hypervolume, abs=1e-5)


@pytest.mark.parametrize("content", [b"", b"no gzip", b"\x1f\x8b\x08\x00 half"])
def test_a_damaged_file_is_one_message(tmp_path, content):
    path = baselines_path(tmp_path)
    path.parent.mkdir()
    path.write_bytes(content)
    if content:
        with pytest.raises(SchemaError, match="not a file of baselines"):
            load_baselines("pico/u55", "x", tmp_path)
    else:
        assert load_baselines("pico/u55", "x", tmp_path) == []


def test_a_damaged_run_is_one_message(tmp_path):
    path = RunKey("pico/u55", "random", 0, 60, 20).path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text('{"key": {}}')
    with pytest.raises(SchemaError, match="not a run's file"):
        saved_runs(tmp_path)


def test_shipped_runs_are_of_the_shipped_problems():
    shipped = {d.name: load_baselines(d.name, r.checksum) for d, r in list_records()}
    on_pico = [runs for name, runs in shipped.items() if name.startswith("pico/")]
    assert sum(bool(runs) for runs in on_pico) >= 15
    for runs in shipped.values():
        assert all(0 <= v <= 1.05 for run in runs for v in run.hypervolume)
        assert all(list(run.at) == sorted(set(run.at)) for run in runs)
