"""Problems over trained tables: fidelities, several trainings, a sample's networks, the clock."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import evonas
from evonas.benchmark import TrainedProblem, trained_problem
from evonas.benchmark.trained import load_trained
from evonas.benchmark.trial import run_trial
from evonas.errors import ConfigurationError, DataError, GenotypeError, SchemaError
from evonas.space.sampled import SampledSpace
from evonas.table import create_table

PROVENANCE = {"source": "trained", "data": "made up"}


@pytest.fixture(scope="module")
def shipped() -> TrainedProblem:
    problem = evonas.load_problem("nano-trained/u55")
    assert isinstance(problem, TrainedProblem)
    return problem


def made_up(path: Path, whole: bool = True) -> tuple[TrainedProblem, dict[str, np.ndarray]]:
    """A table of femto with curves of three steps, two trainings of the first five networks."""
    space = evonas.load_space("femto")
    rng = np.random.default_rng(0)
    genotypes = np.unique(space.sample(20_000, rng), axis=0)
    assert len(genotypes) == space.size
    genotypes = genotypes if whole else genotypes[::9]
    n = len(genotypes)
    columns: dict[str, np.ndarray] = {}
    for seed in ("", ":1"):
        end = rng.uniform(0.2, 0.6, n)
        for step, share in ((100, 0.3), (200, 0.7), (400, 1.0)):
            columns[f"trained_map{seed}#{step}"] = end * share
            columns[f"trained_seconds{seed}#{step}"] = rng.uniform(9, 11, n) * step / 100
        columns[f"trained_map{seed}"] = end
    for name in [name for name in columns if ":1" in name]:
        columns[name][5:] = np.nan
    table = create_table(path)
    table.append(space, genotypes, columns, provenance=PROVENANCE)
    return trained_problem(path, "femto"), columns


def test_values_are_the_tables_and_the_front_is_exact(shipped: TrainedProblem) -> None:
    assert len(shipped.networks) == 265
    ap, cost = shipped.evaluate_genotypes(shipped.networks).T
    on_front = [
        not ((ap >= a) & (cost <= c) & ((ap > a) | (cost < c))).any()
        for a, c in zip(ap, cost, strict=True)
    ]
    assert sum(on_front) == shipped.record.size == len(shipped.true_front)
    np.testing.assert_allclose(np.sort(ap[on_front]), shipped.true_front[:, 0])
    assert shipped.judge(shipped.networks[on_front]) == pytest.approx(1)


def test_fidelities_are_the_points_of_the_curves(tmp_path: Path) -> None:
    problem, columns = made_up(tmp_path / "table")
    assert problem.fidelities.tolist() == [0.25, 0.5, 1.0]
    rows = problem.networks[10:20]
    for fidelity, step in ((0.25, 100), (0.5, 200), (1.0, 400)):
        seen = problem.observe(rows, fidelity)[0][:, 0]
        np.testing.assert_array_equal(seen, columns[f"trained_map#{step}"][10:20])
        np.testing.assert_array_equal(
            problem.seconds(rows, fidelity), columns[f"trained_seconds#{step}"][10:20]
        )
    with pytest.raises(ConfigurationError, match=r"trainings stop at 0\.25, 0\.5, 1 of 400 steps"):
        problem.observe(rows, 0.4)


def test_repetitions_draw_other_trainings_and_the_truth_is_their_mean(tmp_path: Path) -> None:
    problem, columns = made_up(tmp_path / "table")
    assert problem.trainings.tolist() == [2] * 5 + [1] * (len(problem.networks) - 5)
    rows = problem.networks[:5]
    both = np.stack([columns["trained_map"][:5], columns["trained_map:1"][:5]])
    seen = np.stack([problem.observe(rows, repetition=r)[0][:, 0] for r in range(3)])
    np.testing.assert_array_equal(np.sort(seen[:2], axis=0), np.sort(both, axis=0))
    np.testing.assert_array_equal(seen[2], seen[0])  # there are two, so they come again
    np.testing.assert_allclose(problem.evaluate_genotypes(rows)[:, 0], both.mean(axis=0))
    firsts = [TrainedProblem(problem.definition, problem._curves, s) for s in range(20)]
    drawn = {float(p.observe(rows[:1])[0][0, 0]) for p in firsts}
    assert drawn == set(both[:, 0])  # the seed of the problem says which one comes first


def test_of_a_whole_space_every_genotype_is_itself(tmp_path: Path) -> None:
    problem, _ = made_up(tmp_path / "table")
    assert problem.space == evonas.load_space("femto")
    found = run_trial(problem, "local", 600, 0, 50).genotypes
    assert len(np.unique(found, axis=0)) > 500


def test_of_a_sample_a_genotype_stands_for_the_nearest_network(tmp_path: Path) -> None:
    problem, _ = made_up(tmp_path / "table", whole=False)
    space = problem.space
    assert isinstance(space, SampledSpace)
    assert space.size == len(problem.networks) == 64
    own = evonas.load_space("femto").sample(50, np.random.default_rng(1))
    distances = (own[:, None] != problem.networks).sum(axis=2)
    nearest = (space.canonical(own) != own).sum(axis=1)
    np.testing.assert_array_equal(nearest, distances.min(axis=1))
    np.testing.assert_array_equal(space.canonical(problem.networks), problem.networks)
    [missing] = evonas.load_space("femto").arch_ids(own[distances.min(axis=1) > 0][:1])
    with pytest.raises(GenotypeError, match="not among the 64 networks of the table"):
        space.genotypes([missing])


@pytest.mark.parametrize("algorithm", ["nsga2", "local", "assisted", "nsga2-screened"])
def test_every_search_stays_in_the_sample_and_finds_more_than_chance(
    algorithm: str, shipped: TrainedProblem
) -> None:
    found = run_trial(shipped, algorithm, 60, 0, 20).genotypes
    assert len(np.unique(found, axis=0)) == 60
    assert {row.tobytes() for row in found} <= {row.tobytes() for row in shipped.networks}
    chance = np.median([shipped.judge(shipped.space.sample(60, np.random.default_rng(s)))
                        for s in range(9)])  # fmt: skip
    assert shipped.judge(found) > chance


def test_a_problem_is_pickled_by_its_name(shipped: TrainedProblem) -> None:
    again = pickle.loads(pickle.dumps(evonas.load_problem("nano-trained/u55", 3)))
    assert (again.seed, again.record.checksum) == (3, shipped.record.checksum)


def test_a_problem_of_ones_own_table_is_pickled_whole(tmp_path: Path) -> None:
    problem, _ = made_up(tmp_path / "table", whole=False)
    again = pickle.loads(pickle.dumps(problem))
    assert again.record.checksum == problem.record.checksum
    np.testing.assert_array_equal(again.networks, problem.networks)


def test_tables_that_are_no_truth_are_refused(tmp_path: Path, shipped: TrainedProblem) -> None:
    space = evonas.load_space("femto")
    table = create_table(tmp_path / "empty")
    row = space.sample(1, np.random.default_rng(0))
    table.append(space, row, {"trained_map": np.array([0.5])}, provenance=PROVENANCE)
    with pytest.raises(DataError, match="no learning curve"):
        trained_problem(tmp_path / "empty", "femto")
    other = replace(shipped.definition, checksum="0" * 16)
    with pytest.raises(SchemaError, match="published is 0000000000000000"):
        load_trained(other)


# --- the clock ------------------------------------------------------------------------------


def test_results_come_when_their_seconds_are_over(shipped: TrainedProblem) -> None:
    clock, networks = shipped.simulate(workers=3), shipped.networks[:3]
    seconds = shipped.seconds(networks, 0.25)
    for network in networks:
        clock.submit(network, 0.25)
    assert (clock.free, clock.running) == (0, 3)
    first = clock.next()
    order = np.argsort(seconds)
    np.testing.assert_array_equal(first.genotype, networks[order[0]])
    assert clock.time == seconds.min()
    # it goes on where it stopped, and pays what was left
    clock.submit(first.genotype, 1.0)
    [whole] = shipped.seconds(first.genotype[None])
    results = [clock.next() for _ in range(3)]
    assert [r.time for r in results] == sorted(r.time for r in results)
    last = results[-1]
    assert last.fidelity == 1
    assert last.time == pytest.approx(seconds.min() + whole - seconds.min())
    assert last.seconds == pytest.approx(whole - seconds.min())


def test_only_whole_trainings_count_for_the_front(shipped: TrainedProblem) -> None:
    clock, best = shipped.simulate(), shipped.record.genotypes[-1]
    clock.submit(best, 0.75)
    clock.next()
    assert len(clock.curve()[0]) == 0
    clock.submit(best)
    clock.next()
    at, grown = clock.curve()
    assert at.tolist() == [clock.time]
    assert grown[0] == pytest.approx(shipped.judge(best[None]))
    assert clock.curve(clock=False)[0][0] == pytest.approx(shipped.seconds(best[None])[0])


def test_what_a_clock_cannot_do_is_told(shipped: TrainedProblem) -> None:
    with pytest.raises(ConfigurationError, match="workers is 0"):
        shipped.simulate(0)
    clock = shipped.simulate(1)
    with pytest.raises(ConfigurationError, match="nothing is in training"):
        clock.next()
    clock.submit(shipped.networks[0], 0.5)
    with pytest.raises(ConfigurationError, match="all 1 workers are busy"):
        clock.submit(shipped.networks[1])
    clock.next()
    with pytest.raises(ConfigurationError, match=r"0\.5 of the steps are done"):
        clock.submit(shipped.networks[0], 0.25)
    two = shipped.simulate(2)
    two.submit(shipped.networks[0])
    with pytest.raises(ConfigurationError, match="is in training"):
        two.submit(shipped.networks[0])


def test_a_new_training_begins_at_the_beginning(tmp_path: Path) -> None:
    problem, columns = made_up(tmp_path / "table")
    clock = problem.simulate()
    clock.submit(problem.networks[0])
    first = clock.next()
    clock.submit(problem.networks[0], 1.0, anew=True)
    second = clock.next()
    assert (first.repetition, second.repetition) == (0, 1)
    assert {first.values[0], second.values[0]} == {
        columns["trained_map"][0], columns["trained_map:1"][0]
    }  # fmt: skip
    assert second.seconds == pytest.approx(problem.seconds(problem.networks[:1], 1.0, 1)[0])
