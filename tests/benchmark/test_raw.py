from dataclasses import replace

import numpy as np
import pytest

from evonas.benchmark.compare import Plan, compare
from evonas.benchmark.loading import list_records
from evonas.benchmark.raw import RawRun, merged_raw, raw_path, read_raw, succeeded, write_raw
from evonas.benchmark.runs import RunKey, perform, read_run, save_run, saved_runs
from evonas.errors import SchemaError
from scripts.build.runs import main as put

KEY = RunKey("pico/u55", "random", 0, 60, 20)


def test_raw_runs_are_read_as_they_were_written(tmp_path):
    results = compare(Plan(("pico/u55", "pico/cpu"), ("nsga2", "random"), 2, 60, 20), tmp_path)
    path = tmp_path / "runs.parquet"
    write_raw(path, succeeded([*results, replace(results[0], error="it failed")]))
    runs = read_raw(path)
    assert [run.key for run in runs] == [result.key for result in results]
    for run, result in zip(runs, results, strict=True):
        assert run.mean_hypervolume(60) == result.mean_hypervolume(60)
        assert run.reached(0.5) == result.reached(0.5)
        assert run.checksum == result.checksum
        assert run.hypervolume_after(result.at) == pytest.approx(result.hypervolume, abs=1e-8)
    assert read_raw(path, "pico/cpu") == [r for r in runs if r.key.problem == "pico/cpu"] != []
    assert read_raw(path, "pico/u65") == []


def test_a_curve_is_what_was_there_after_each_evaluation():
    run = RawRun(KEY, "", 1.0, [3, 5], [0.25, 0.5])
    np.testing.assert_array_equal(
        run.hypervolume_after([1, 2, 3, 4, 5, 60]), [0, 0, 0.25, 0.25, 0.5, 0.5]
    )


def test_new_runs_take_the_place_of_those_of_their_algorithm_and_problem(tmp_path):
    path = tmp_path / "runs.parquet"
    old = [
        RawRun(replace(KEY, problem=problem, algorithm=name, seed=seed), "", 1.0, [1], [0.1])
        for problem in ("pico/cpu", "pico/u55")
        for name in ("local", "random")
        for seed in (0, 1)
    ]
    write_raw(path, old)
    new = RawRun(KEY, "", 1.0, [1], [0.2])
    assert merged_raw(path, [new]) == [*old[:6], new]
    assert merged_raw(tmp_path / "none.parquet", [new]) == [new]


def test_only_runs_on_the_shipped_versions_are_shipped(tmp_path, capsys):
    path = tmp_path / "runs.parquet"
    write_raw(path, [RawRun(replace(KEY, algorithm="local"), "an old one", 1.0, [1], [0.1])])
    save_run(tmp_path, perform(KEY))
    put([tmp_path], path)
    assert [run.key for run in read_raw(path)] == [KEY]
    assert capsys.readouterr().out == "random: 1 runs on 1 problems\n"


def test_a_damaged_file_is_one_message(tmp_path):
    (tmp_path / "other.parquet").write_bytes(b"PAR1")
    with pytest.raises(SchemaError, match="not a Parquet file"):
        read_raw(tmp_path / "other.parquet")
    result = perform(KEY)
    cut = replace(result, improved_to=result.improved_to[:-1])
    write_raw(tmp_path / "cut.parquet", succeeded([cut]))
    with pytest.raises(SchemaError, match="differ in length"):
        read_raw(tmp_path / "cut.parquet")
    save_run(tmp_path, cut)
    with pytest.raises(SchemaError, match="differ in length"):
        read_run(KEY.path(tmp_path))
    KEY.path(tmp_path).write_text('{"key": {}}')
    with pytest.raises(SchemaError, match="not a run's file"):
        saved_runs(tmp_path)


def test_shipped_runs_are_of_the_shipped_problems():
    current = {definition.name: record.checksum for definition, record in list_records()}
    runs = read_raw(raw_path())
    assert all(run.checksum == current[run.key.problem] for run in runs)
    on = {name: {r.key.algorithm for r in runs if r.key.problem == name} for name in current}
    assert all(len(on[name]) == 7 for name in current if name.startswith("pico/"))
    assert all(len(on[name]) == 4 for name in current if name.startswith("nano/"))
    for run in runs:
        assert list(run.improved_at) == sorted(set(run.improved_at))
        assert all(0 < volume <= 1.05 for volume in run.improved_to)
