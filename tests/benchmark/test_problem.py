import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

import evonas
from evonas.benchmark import CATALOGUE, BenchmarkProblem
from evonas.benchmark.store import problems_path, read_problems
from evonas.benchmark.trial import run_trial
from evonas.cli import main
from evonas.errors import ConfigurationError, GenotypeError, SchemaError
from evonas.objectives import pareto_mask
from evonas.paths import shipped_data
from evonas.scoring.surrogate import load_surrogate

PROBLEMS = evonas.list_problems()


def random_genotypes(problem: BenchmarkProblem, n: int) -> np.ndarray:
    return problem.space.sample(n, np.random.default_rng(0))


def test_there_are_problems_of_all_kinds() -> None:
    definitions = [definition for definition in CATALOGUE if definition.name in PROBLEMS]
    assert len(definitions) >= 15
    counts = {len(definition.objectives) for definition in definitions}
    assert min(counts) == 2
    assert max(counts) == 8
    assert any(definition.where for definition in definitions)
    assert any(definition.noise for definition in definitions)
    assert {definition.space for definition in definitions} == {"pico", "nano", "mobiledet"}


@pytest.mark.parametrize("name", PROBLEMS)
def test_shipped_front_is_what_its_networks_have(name: str) -> None:
    problem = evonas.load_problem(name)
    front, genotypes = problem.true_front, problem.record.genotypes
    np.testing.assert_allclose(problem.evaluate_genotypes(genotypes), front, rtol=1e-12)
    assert pareto_mask(front, problem.objectives).all()
    assert problem.is_feasible(genotypes).all()
    assert len(front) <= problem.record.size
    normalised = problem.normalise(front)
    np.testing.assert_allclose(normalised.min(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(normalised.max(axis=0), 1)
    np.testing.assert_allclose(problem.normalise(problem.reference_point[None]), 1.1)
    if len(front) == problem.record.size:
        assert problem.hypervolume(front, problem.is_feasible(genotypes)) == pytest.approx(1)
        assert problem.judge(genotypes) == pytest.approx(1)


@pytest.mark.parametrize("name", PROBLEMS)
def test_pymoo_sees_minimised_values(name: str) -> None:
    problem = evonas.load_problem(name)
    genotypes = random_genotypes(problem, 5)
    signs = np.where([o.maximise for o in problem.objectives], -1, 1)
    out = problem.evaluate(genotypes, return_as_dictionary=True)
    seen, violations = problem.observe(genotypes)
    assert violations.shape == (len(genotypes), len(problem.spec.constraints))
    np.testing.assert_array_equal(out["F"], seen * signs)
    if problem.n_ieq_constr:
        np.testing.assert_array_equal(out["G"], violations)
        assert ((violations <= 0).all(axis=1) == problem.is_feasible(genotypes)).all()
    np.testing.assert_array_equal(problem.pareto_front().shape, problem.true_front.shape)


def test_noise_is_of_the_seed_and_is_no_part_of_the_judgement() -> None:
    clean = evonas.load_problem("pico/cpu")
    one, again, other = (evonas.load_problem("pico/cpu-noisy", seed) for seed in (1, 1, 2))
    genotypes = random_genotypes(clean, 2000)
    seen = one.observe(genotypes)[0]
    np.testing.assert_array_equal(seen, again.observe(genotypes)[0])
    np.testing.assert_array_equal(seen[::-1], one.observe(genotypes[::-1])[0])
    assert (seen != other.observe(genotypes)[0]).all()
    true = one.evaluate_genotypes(genotypes)
    np.testing.assert_array_equal(true, clean.evaluate_genotypes(genotypes))
    _, rows = np.unique(genotypes, axis=0, return_index=True)
    errors = (seen - true)[rows]
    assert errors[:, 0].std() == pytest.approx(0.0165, rel=0.1)
    assert (errors[:, 1] / true[rows, 1]).std() == pytest.approx(0.02, rel=0.1)
    assert abs(errors.mean(axis=0)).max() < 0.002


def test_a_surrogate_says_how_unsure_it_is_and_a_noisy_problem_shows_as_much() -> None:
    problem = evonas.load_problem("nano/cpu-noisy", 3)
    genotypes = np.unique(problem.space.canonical(random_genotypes(problem, 500)), axis=0)
    surrogate = load_surrogate(shipped_data() / "surrogates" / "nano.npz", problem.space)
    mean, deviation = surrogate.predict(genotypes)
    true, unsure = problem.evaluate_genotypes(genotypes), problem.uncertainty(genotypes)
    np.testing.assert_array_equal(true[:, 0], mean)
    np.testing.assert_array_equal(unsure, np.column_stack([deviation, 0 * deviation]))
    assert unsure[:, 0].max() > 1.3 * unsure[:, 0].min()
    errors = (problem.observe(genotypes)[0] - true)[:, 0] / deviation
    assert errors.std() == pytest.approx(1, rel=0.1)
    assert abs(errors.mean()) < 0.15
    tabulated = evonas.load_problem("pico/u55-noisy")
    assert not tabulated.uncertainty(random_genotypes(tabulated, 5)).any()


def test_a_network_has_one_value_however_it_is_written() -> None:
    problem = evonas.load_problem("pico/u55-noisy")
    first = np.array([[0, 1, 0, 1, 2, 1, 2]])
    np.testing.assert_array_equal(
        problem.observe(first)[0], problem.observe(problem.space.canonical(first))[0]
    )


def test_a_problem_survives_being_sent_to_another_process() -> None:
    problem = evonas.load_problem("pico/u55-noisy", seed=7)
    twin = pickle.loads(pickle.dumps(problem))
    genotypes = random_genotypes(problem, 4)
    np.testing.assert_array_equal(problem.observe(genotypes)[0], twin.observe(genotypes)[0])


def test_mistakes_are_told() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown problem 'pico/x'; known: .*pico/u55"):
        evonas.load_problem("pico/x")
    with pytest.raises(GenotypeError, match="allowed are 0 to 1"):
        evonas.load_problem("pico/u55").evaluate_genotypes(np.full((1, 7), 9))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = problems_path(tmp_path)
    path.parent.mkdir()
    assert evonas.list_problems(tmp_path) == []
    shutil.copy(problems_path(), path)
    import h5py

    with h5py.File(path, "a") as file:
        file["problems/pico/u55/front"][0, 0] += 1e-9
    read_problems.cache_clear()
    with pytest.raises(SchemaError, match=r"'pico/u55': version \d+ with checksum"):
        evonas.load_problem("pico/u55", folder=tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    read_problems.cache_clear()
    with pytest.raises(SchemaError, match="not a file of problems"):
        evonas.load_problem("pico/u55", folder=tmp_path)


def test_pymoos_default_operators_search_a_problem_as_it_stands() -> None:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    problem = evonas.load_problem("pico/u55")
    found = minimize(problem, NSGA2(40), ("n_gen", 5), seed=1)
    rounded = found.X.round()
    values = problem.evaluate_genotypes(rounded)
    np.testing.assert_array_equal(problem.minimise(values), found.F)
    np.testing.assert_array_equal(values, problem.evaluate_genotypes(rounded.astype(int)))
    assert 0.5 < problem.hypervolume(values) <= 1


def test_the_list_counts_every_condition_of_a_problem(capsys) -> None:
    assert main(["problem", "list"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "/" in line]
    counted = {row[0]: row[2] for row in rows}
    for name in ("pico/u55-budget", "mobiledet/memory-budget"):
        assert counted[name] == str(evonas.load_problem(name).n_ieq_constr)
    assert counted["pico/u55-budget"] == "2"  # one text, two conditions


@pytest.mark.parametrize("seed", ["x", None, 1.5, 3.0, -1, True])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(ConfigurationError, match=r"seed is .*; a whole number of at least 0"):
        evonas.load_problem("pico/u55", seed)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="seed is"):
        run_trial(evonas.load_problem("pico/u55"), "random", 10, seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [np.ones((2, 3)), np.ones(3), np.ones((1, 1, 2)), "x", None])
def test_values_of_another_shape_are_refused(values: object) -> None:
    problem = evonas.load_problem("pico/u55")
    for function in (problem.minimise, problem.normalise):
        with pytest.raises(ConfigurationError, match=r"pico/u55: values of .*\(n, 2\) is expected"):
            function(values)  # type: ignore[arg-type]
