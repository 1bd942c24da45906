"""Hypervolume: exact, of values that can be, at every evaluation; what is shared is read-only."""

import moocore
import numpy as np
import pytest

import evonas
from evonas.benchmark.indicators import gains, volume
from evonas.benchmark.runs import RunKey, perform
from evonas.benchmark.trial import run_trial
from evonas.errors import ConfigurationError


@pytest.mark.parametrize("m", [2, 3, 5, 6, 7])
def test_gains_add_up_to_the_exact_volume_in_any_order(m):
    rng = np.random.default_rng(m)
    points = rng.uniform(0, 1.3, (60, m))
    points[5] = points[3]
    inside = points[(points < 1.1).all(axis=1)]
    expected = moocore.hypervolume(inside, ref=np.full(m, 1.1)) if len(inside) else 0.0
    assert gains(points).sum() == pytest.approx(expected, rel=1e-12)
    assert gains(points[::-1]).sum() == pytest.approx(expected, rel=1e-12)
    assert volume(points) == pytest.approx(expected, rel=1e-12)


def test_the_volumes_of_100_fronts_of_eight_objectives_are_exact():
    rng = np.random.default_rng(8)
    for _ in range(100):
        points = rng.uniform(0, 1.2, (12, 8))
        inside = points[(points < 1.1).all(axis=1)]
        expected = moocore.hypervolume(inside, ref=np.full(8, 1.1)) if len(inside) else 0.0
        assert volume(points) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["pico/devices", "pico/everything"])
def test_whole_fronts_of_many_objectives_have_volume_one_exactly(name):
    problem = evonas.load_problem(name)
    assert problem.judge(problem.record.genotypes) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 1)), r"shape \(3, 1\); \(n, 2\) is expected"),
        (np.zeros(2), r"shape \(2,\)"),
        ("abc", "is expected"),
        ([[0.5, np.inf]], "row 0 of the values is not finite"),
        ([[0.5, 1.0], [np.nan, 1.0]], "row 1 of the values is not finite"),
        ([[0.99, 1e-3]], "row 0 is better than the true front"),
    ],
)
def test_values_that_cannot_be_are_refused(values, message):
    with pytest.raises(ConfigurationError, match=message):
        evonas.load_problem("pico/u55").hypervolume(values)


def test_observations_with_noise_are_no_true_values():
    problem = evonas.load_problem("pico/cpu-noisy")
    genotypes = problem.record.genotypes
    with pytest.raises(ConfigurationError, match="seen with noise"):
        problem.hypervolume(problem.observe(genotypes)[0])
    assert problem.judge(genotypes) == pytest.approx(1)


def test_infeasible_points_do_not_count():
    name = next(
        name for name in evonas.list_problems() if evonas.load_problem(name).definition.where
    )
    problem = evonas.load_problem(name)
    genotypes = problem.space.sample(2000, np.random.default_rng(0))
    values, feasible = problem.evaluate_genotypes(genotypes), problem.is_feasible(genotypes)
    assert 0 < feasible.sum() < len(feasible)
    with pytest.raises(ConfigurationError, match="has constraints: say with `feasible`"):
        problem.hypervolume(values)
    with pytest.raises(ConfigurationError, match="2000 truth values"):
        problem.hypervolume(values, feasible[:-1])
    expected = volume(problem.normalise(values[feasible])) / problem.front_volume
    assert problem.hypervolume(values, feasible) == problem.judge(genotypes) == expected <= 1


def test_what_all_problems_share_cannot_be_changed():
    problem = evonas.load_problem("pico/u55")
    table = evonas.open_table("pico-v3")
    for array in (
        problem.true_front, problem.nadir, problem.ideal, problem.reference_point,
        problem.record.genotypes, problem.pareto_front(), table.column("map"), table.genotypes(),
        problem.space.cost_tables["madds"], problem.space.gene_sizes,
    ):  # fmt: skip
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("name", ["pico/u55", "pico/cpu-noisy", "pico/costs"])
def test_evaluations_to_a_share_and_the_mean_are_counted_exactly(name):
    result = perform(RunKey(name, "nsga2", 0, 300, 20))
    problem = evonas.load_problem(name)
    trial = run_trial(problem, "nsga2", 300, 0, 20)
    there = [problem.judge(trial.genotypes[:n]) for n in range(1, 301)]
    assert result.mean_hypervolume(300) == pytest.approx(np.mean(there), rel=1e-9)
    assert result.mean_hypervolume(600) == pytest.approx(np.mean([*there, *[there[-1]] * 300]))
    for share in (0.5, 0.9, there[-1] * (1 - 1e-9)):
        assert result.reached(share) == 1 + np.argmax(np.array(there) >= share)
    assert result.reached(1.1) == np.inf
    np.testing.assert_allclose(result.hypervolume, [there[n - 1] for n in result.at], atol=1e-9)
