import fnmatch
from pathlib import Path

import numpy as np
import pytest

from evonas.benchmark import list_problems
from evonas.benchmark.difficulties import load_difficulty
from evonas.benchmark.raw import RawRun, raw_path, read_raw
from evonas.benchmark.runs import RunKey
from scripts.report.exact_runs import pairs


def run(algorithm: str, seed: int, volume: float, problem: str = "p") -> RawRun:
    return RawRun(RunKey(problem, algorithm, seed, 1500, 50), "c", 0.0, [1], [volume])


def test_only_shared_seeds_count_and_seven_of_them_can_be_significant() -> None:
    runs = [run("a", seed, 0.5 + seed / 100) for seed in range(7)]
    runs += [run("b", seed, 0.4) for seed in range(7)] + [
        run("b", seed, 1) for seed in range(7, 20)
    ]
    runs += [run("a", 0, 0.1, "q"), run("b", 0, 0.2, "q"), run("b", 0, 0.2, "r")]
    found = {(pair.ours, pair.theirs): pair for pair in pairs(runs)}
    one, other = found["a", "b"], found["b", "a"]
    assert (one.problems, one.better, one.worse, one.significant) == (2, 1, 1, 1)
    assert (other.problems, other.better, other.worse, other.significant) == (2, 1, 1, 0)


def test_the_page_on_the_benchmark_says_what_the_shipped_runs_say() -> None:
    pytest.importorskip("pyarrow")
    runs = [run for run in read_raw(raw_path()) if run.key.problem.startswith("pico/")]
    found = {(pair.ours, pair.theirs): pair for pair in pairs(runs)}
    said = {
        ("ridge", "nsga2"): (16, 0, 16),
        ("nsga2-screened", "nsga2"): (16, 0, 16),
        ("nsga2-screened", "local"): (16, 0, 16),
        ("nsga2-screened", "ridge"): (12, 4, 11),
        ("assisted", "ridge"): (15, 1, 13),
        ("assisted", "nsga2-screened"): (14, 2, 2),
    }
    for key, figures in said.items():
        assert (found[key].better, found[key].worse, found[key].significant) == figures, key
        assert found[key[::-1]].significant == 0


def test_the_pages_table_has_the_shipped_medians() -> None:
    page = (Path(__file__).parents[2] / "docs" / "benchmark.md").read_text()
    names = ("random", "local", "ridge", "nsga2", "nsga2-screened", "assisted")
    for problem in fnmatch.filter(list_problems(), "pico/*"):
        found = load_difficulty(problem)
        shown = ["not" if np.isinf(found.to_99[n]) else f"{found.to_99[n]:,g}" for n in names]
        assert f"| `{problem}` | {' | '.join(shown)} | {found.seeds} |" in page
