import pytest

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
    found = {(pair.ours, pair.theirs): pair for pair in pairs(read_raw(raw_path()))}
    screened = [found["nsga2-screened", name] for name in ("nsga2", "ridge", "local")]
    assert [pair.better for pair in screened] == [16, 16, 16]
    assert [pair.significant for pair in screened] == [11, 8, 11]
    assert found["assisted", "ridge"].better == 13
    assert (found["assisted", "nsga2-screened"].better,
            found["assisted", "nsga2-screened"].worse) == (7, 9)  # fmt: skip
