import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evonas.benchmark.compare import Plan, compare
from evonas.benchmark.report import Comparison, attainment, html, runs_csv, warnings
from evonas.benchmark.runs import RunKey, RunResult, perform
from evonas.benchmark.statistics import all_pairs, contrasts, holm, least_p, paired_p, ranking
from evonas.cli import main
from evonas.errors import ConfigurationError, SchemaError
from evonas.figures.svg import Chart, Line

PLAN = Plan(("pico/u55", "pico/costs"), ("nsga2", "random"), 2, 60, 20)


def without_time(results: list[RunResult]) -> list[RunResult]:
    return [replace(result, seconds=0.0) for result in results]


def test_runs_are_done_once_and_do_not_depend_on_what_was_there(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    whole = compare(PLAN, tmp_path / "a", progress=lambda *seen: told.append(seen))
    assert told[0] == (0, 8)
    assert told[-1] == (8, 8)
    compare(replace(PLAN, seeds=1), tmp_path / "b")
    resumed = compare(PLAN, tmp_path / "b")
    assert without_time(resumed) == without_time(whole)
    told.clear()
    again = compare(PLAN, tmp_path / "a", progress=lambda *seen: told.append(seen))
    assert told == [(8, 8)]
    assert again == whole


@pytest.mark.slow
def test_workers_change_nothing(tmp_path: Path) -> None:
    one, two = (compare(PLAN, tmp_path / str(n), workers=n) for n in (1, 2))
    assert without_time(one) == without_time(two)


def test_volumes_grow_and_distances_shrink(tmp_path: Path) -> None:
    for result in compare(PLAN, tmp_path):
        assert result.hypervolume == sorted(result.hypervolume)
        assert result.distance == sorted(result.distance, reverse=True)
        assert result.at[-1] == 60
        assert 0 < result.mean_hypervolume(60) <= result.hypervolume[-1] <= 1
        assert result.mean_hypervolume(60) <= result.mean_hypervolume(120)  # what it found stays


def test_a_failed_run_is_told_and_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise MemoryError("too much")

    monkeypatch.setattr("evonas.benchmark.runs.run_trial", breaks)
    failed = compare(PLAN, tmp_path)
    assert {result.error for result in failed} == {"MemoryError: too much"}
    comparison = Comparison(PLAN, failed)
    assert "8 of 8 runs failed" in html(comparison)
    assert len(runs_csv(comparison).splitlines()) == 9
    monkeypatch.undo()
    assert not any(result.error for result in compare(PLAN, tmp_path))


def test_other_settings_want_another_folder(tmp_path: Path) -> None:
    compare(PLAN, tmp_path)
    with pytest.raises(ConfigurationError, match="a run of 60 evaluations"):
        compare(replace(PLAN, evaluations=80), tmp_path)
    RunKey("pico/u55", "nsga2", 0, 60, 20).path(tmp_path).write_text("{")
    with pytest.raises(SchemaError, match=r"0\.json: not a run's file"):
        compare(PLAN, tmp_path)


def test_command_writes_report_and_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["bench", "compare", "--problems", "pico/u5?", "--algorithms", "nsga2,random"]
    call += ["--seeds", "2", "--evaluations", "60", "--population", "20", "--workers", "1"]
    assert main([*call, "--out", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["runs"], told["failed"]) == (4, 0)
    assert told["contrasts"][0]["to_0.99"] is None  # out of reach in 60 evaluations
    report = (tmp_path / "report.html").read_text()
    assert report.count("<svg") >= 3
    assert "http" not in report.replace("http://www.w3.org/2000/svg", "")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "runs.csv").read_text())))
    assert len(rows) == 4
    assert len((tmp_path / "curves.csv").read_text().splitlines()) > 40
    assert main([*call, "--fewer", "random", "--out", str(tmp_path)]) == 2
    assert "must be ALGORITHM=EVALUATIONS" in capsys.readouterr().err


def test_contrasts_and_ranks_of_plain_numbers() -> None:
    rng = np.random.default_rng(0)
    problems, algorithms = ("a", "b", "c", "d"), ("first", "worse", "same")
    scores = {}
    for problem in problems:
        base = rng.normal(0, 1, 31)
        scores[problem, "first"] = base
        scores[problem, "worse"] = base - 10
        scores[problem, "same"] = rng.permutation(base)
    told = {(c.problem, c.algorithm): c for c in contrasts(scores, problems, algorithms)}
    assert told["a", "worse"].effect == 0
    assert told["a", "worse"].p < 1e-6
    assert told["a", "same"].effect == pytest.approx(0.5)
    assert told["a", "same"].p > 0.05
    assert np.isnan(told["a", "first"].p)
    ranks = ranking(scores, problems, algorithms)
    assert ranks.ranks["worse"] == 3
    assert ranks.friedman_p < 0.05
    assert holm([]) == []


def test_half_of_the_fronts_attain_the_median_surface() -> None:
    fronts = [np.array([[0.0, 1.0], [1.0, 0.0]]) + shift for shift in (0.0, 0.1, 0.5)]
    found = attainment(fronts)
    np.testing.assert_allclose(found["best"], [[0, 1], [1, 0]])
    np.testing.assert_allclose(found["median"], [[0.1, 1.1], [1.1, 0.1]])
    np.testing.assert_allclose(found["worst"], [[0.5, 1.5], [1.5, 0.5]])
    assert attainment([]) == {}


def test_runs_of_one_seed_are_held_against_each_other() -> None:
    rng = np.random.default_rng(1)
    seeds = rng.normal(0, 10, 12)  # a seed matters far more than the algorithm
    ours, theirs = seeds + 0.1 + rng.uniform(0, 0.01, 12), seeds
    assert paired_p(ours, theirs) == pytest.approx(least_p(12))
    assert paired_p(theirs, theirs) == 1
    ours[3] = np.nan  # a run that failed takes its partner with it
    assert paired_p(ours, theirs) == pytest.approx(least_p(11))


def test_all_pairs_have_nemenyis_difference_and_a_corrected_test() -> None:
    rng = np.random.default_rng(0)
    problems, algorithms = tuple("abcdefgh"), ("worse", "first", "twin")
    scores = {}
    for problem in problems:
        base = rng.normal(0, 1, 5)
        scores |= {(problem, "first"): base, (problem, "worse"): base - 1}
        scores[problem, "twin"] = base + rng.choice([-1e-6, 1e-6])
    found = all_pairs(scores, problems, algorithms)
    # Demsar (2006): q 2.343 for three algorithms at 0.05
    assert found.difference == pytest.approx(2.343 * np.sqrt(3 * 4 / (6 * 8)), abs=1e-3)
    assert found.ranks["worse"] == 3
    assert list(found.ranks)[-1] == "worse"
    assert [set(group) for group in found.groups()] == [{"first", "twin"}]
    assert found.p["worse", "first"] == pytest.approx(3 * least_p(8))
    assert found.p["first", "twin"] > 0.05


def test_too_few_seeds_for_any_significance_are_told() -> None:
    [of_seeds, of_problems] = warnings(PLAN)
    assert "With 2 seeds no difference on a single problem" in of_seeds
    assert "7 seeds would do" in of_seeds  # 2 tests: 2 * 2^(1 - 7) < 0.05
    assert "With 2 problems" in of_problems
    assert warnings(replace(PLAN, seeds=31, problems=tuple("abcdefgh"))) == []


def test_a_chart_draws_every_line_inside_its_frame() -> None:
    x = np.array([1.0, 10.0, 100.0])
    line = Line("a", x, np.array([0.1, 0.01, 0.001]), low=x / 1e4, high=x / 1e3)
    svg = Chart("t & u", "x", "y", [line, Line("b", x, x * np.nan)], log_y=True).svg()
    assert "t &amp; u" in svg
    assert "nan" not in svg
    assert "no data" in Chart("t", "x", "y", [Line("b", x[:0], x[:0])]).svg()


def test_an_unknown_algorithm_is_refused_before_any_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown algorithm 'best'"):
        compare(replace(PLAN, algorithms=("best",)), tmp_path)
    with pytest.raises(ConfigurationError, match="evaluations and population at least 2"):
        compare(replace(PLAN, fewer={"random": 1}), tmp_path)
    assert perform(next(PLAN.keys())).error == ""


@pytest.mark.parametrize(
    ("fewer", "message"),
    [
        ("random=61", "random: 61 evaluations are not fewer than the others' 60"),
        ("assisted=40", "unknown algorithm of this comparison 'assisted'; known: nsga2, random"),
    ],
)
def test_fewer_evaluations_are_fewer_and_of_what_is_compared(
    fewer: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["bench", "compare", "--problems", "pico/u55", "--algorithms", "nsga2,random"]
    call += ["--evaluations", "60", "--fewer", fewer, "--out", str(tmp_path)]
    assert main(call) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
