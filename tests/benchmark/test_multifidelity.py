"""Searches under the simulated clock."""

import numpy as np
import pytest

import evonas
from evonas.benchmark import TrainedProblem
from evonas.benchmark.multifidelity import SEARCHES, run_simulated
from evonas.benchmark.multifidelity.halving import Asha, rungs
from evonas.benchmark.simulation import any_time, reached
from evonas.errors import ConfigurationError
from tests.benchmark.test_trained import made_up


@pytest.fixture(scope="module")
def problem() -> TrainedProblem:
    found = evonas.load_problem("nano-trained/u55")
    assert isinstance(found, TrainedProblem)
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> TrainedProblem:
    return made_up(tmp_path_factory.mktemp("small") / "table", whole=False)[0]


@pytest.mark.parametrize("algorithm", SEARCHES)
def test_same_seed_same_results_and_no_step_is_trained_twice(
    algorithm: str, problem: TrainedProblem
) -> None:
    first, again, other = (
        run_simulated(problem, algorithm, 4, seed, 8, until=250) for seed in (1, 1, 2)
    )
    told = [[(r.genotype.tobytes(), r.fidelity, r.time) for r in run.results]
            for run in (first, again, other)]  # fmt: skip
    assert told[0] == told[1] != told[2]
    assert len({(g, f) for g, f, _ in told[0]}) == len(told[0])
    assert [t for *_, t in told[0]] == sorted(t for *_, t in told[0])
    assert len(any_time(problem, first.results)[0]) > 0


@pytest.mark.parametrize("algorithm", SEARCHES)
def test_every_search_comes_to_the_whole_front_in_the_end(
    algorithm: str, small: TrainedProblem
) -> None:
    run = run_simulated(small, algorithm, 8, 0, 10)
    grown = any_time(small, run.results)[1]
    assert grown[-1] == pytest.approx(1)
    ended = {result.genotype.tobytes() for result in run.results if result.fidelity == 1}
    assert ended == {network.tobytes() for network in small.networks}
    busy = sum(result.seconds for result in run.results)
    assert run.results[-1].time >= busy / 8 - 1e-6  # eight workers do no more than eight can


def test_more_workers_take_less_time_and_one_takes_the_sum(problem: TrainedProblem) -> None:
    one, four = (run_simulated(problem, "nsga2", w, 0, 10, goal=0.9) for w in (1, 4))
    assert one.results[-1].time == pytest.approx(sum(r.seconds for r in one.results))
    assert reached(any_time(problem, four.results), 0.9) < one.results[-1].time


def test_asha_promotes_the_best_half_by_rank_and_crowding(problem: TrainedProblem) -> None:
    search = Asha(problem, 8, 0)
    assert search.rungs == [0.25, 0.5, 1.0]
    clock = problem.simulate()
    for _ in range(4):  # two of the first rung make one of them go on
        job = search.ask()
        assert job is not None
        clock.submit(*job)
        search.tell(clock.next())
    low = [r for r in clock.results if r.fidelity == 0.25]
    [promoted] = [r for r in clock.results if r.fidelity == 0.5]
    seen = {r.genotype.tobytes() for r in search.best(low[:2], 1)}
    assert promoted.genotype.tobytes() in seen


def test_rungs_double_at_least() -> None:
    eighths = np.arange(1, 9) / 8
    assert rungs(eighths) == [0.125, 0.25, 0.5, 1.0]
    assert rungs(np.array([1.0])) == [1.0]


def test_what_a_race_lacks_is_told(problem: TrainedProblem) -> None:
    with pytest.raises(ConfigurationError, match="unknown algorithm 'best'"):
        run_simulated(problem, "best")
    with pytest.raises(ConfigurationError, match="population is 2; a whole number from 4 to"):
        run_simulated(problem, "asha", population=2)


def test_what_cannot_be_simulated_is_told() -> None:
    with pytest.raises(ConfigurationError, match="no problem over trained networks"):
        run_simulated(evonas.load_problem("pico/u55"), "asha")  # type: ignore[arg-type]
    problem = evonas.load_problem("nano-trained/u55")
    with pytest.raises(ConfigurationError, match="seed is -1; a whole number of at least 0"):
        run_simulated(problem, "asha", seed=-1)
    for fidelity in (None, "x"):
        with pytest.raises(ConfigurationError, match=f"fidelity {fidelity!r}; trainings stop at"):
            problem.observe(problem.networks[:1], fidelity)
