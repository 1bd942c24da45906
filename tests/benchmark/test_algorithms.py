from typing import Any

import numpy as np
import pytest

import evonas
from evonas.benchmark.trial import _Evaluation, run_trial
from evonas.errors import ConfigurationError, MissingPackageError
from evonas.search import make_spec, run_search
from evonas.search.algorithms import ALGORITHMS, make_algorithm
from evonas.search.algorithms.random_search import RandomSearch
from evonas.search.algorithms.tournaments import by_dominance, one_by_chance
from evonas.search.problem import SearchProblem
from tests.docs.blocks import ROOT, blocks
from tests.search.additive import AdditiveScorer

REPEATING = ("pymoo-nsga2", "tunas", "moead")


@pytest.mark.parametrize("name", ["pico/u55", "pico/u55-budget", "nano/capacity-u55"])
@pytest.mark.parametrize("algorithm", [a for a in ALGORITHMS if a != "agemoea2"])
def test_same_seed_same_archive(algorithm: str, name: str) -> None:
    problem = evonas.load_problem(name)
    first, again, other = (run_trial(problem, algorithm, 90, seed, 30) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.genotypes, again.genotypes)
    assert len(first.genotypes) == 90
    assert (first.genotypes != other.genotypes).any()
    if algorithm not in REPEATING:
        assert len(np.unique(first.genotypes, axis=0)) == 90


@pytest.mark.slow
def test_agemoea2_same_seed_same_archive() -> None:
    pytest.importorskip("numba")
    problem = evonas.load_problem("pico/u55-budget")
    first, again = (run_trial(problem, "agemoea2", 90, 1, 30) for _ in range(2))
    np.testing.assert_array_equal(first.genotypes, again.genotypes)


def test_what_a_search_needs_and_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = evonas.load_problem("pico/u55")
    with pytest.raises(ConfigurationError, match=r"unknown algorithm 'best'; known: .*nsga2"):
        run_trial(problem, "best", 50)
    with pytest.raises(ConfigurationError, match="evaluations is 1"):
        run_trial(problem, "nsga2", 1)
    monkeypatch.setitem(__import__("sys").modules, "numba", None)
    with pytest.raises(MissingPackageError, match="numba is not installed"):
        run_trial(problem, "agemoea2", 50)


def test_nsga2_leaves_every_other_parent_to_chance_from_four_objectives_on() -> None:
    chosen = {
        name: make_algorithm("nsga2", SearchProblem(_Evaluation(evonas.load_problem(name))), 20)
        for name in ("pico/u55", "pico/memory", "pico/sizes", "pico/everything")
    }
    tournaments = [nsga2.mating.selection.func_comp for nsga2 in chosen.values()]
    assert tournaments == [by_dominance, by_dominance, one_by_chance, one_by_chance]


@pytest.mark.parametrize("algorithm", ["nsga2", "assisted", "local", "nsga3"])
def test_searches_beat_random_draws(algorithm: str) -> None:
    problem = evonas.load_problem("pico/u55")

    def median(name: str) -> float:
        found = []
        for seed in range(3):
            trial = run_trial(problem, name, 200, seed, 25)
            found.append(problem.hypervolume(problem.evaluate_genotypes(trial.genotypes)))
        return float(np.median(found))

    assert median(algorithm) > median("random")


def test_a_run_may_take_the_whole_space() -> None:
    problem = evonas.load_problem("pico/systolic")
    trial = run_trial(problem, "local", 20_000, 0, 2000)
    distinct = len(np.unique(trial.genotypes, axis=0))
    assert distinct == len(trial.genotypes) > 0.99 * problem.space.size
    assert problem.hypervolume(problem.evaluate_genotypes(trial.genotypes)) == pytest.approx(1)


@pytest.mark.parametrize("algorithm", ["smsemoa", "tunas", "assisted", "moead", "evolution"])
def test_every_algorithm_searches_with_a_scorer(algorithm: str) -> None:
    space = evonas.load_space("nano")
    scorer = AdditiveScorer(space)
    result = run_search(
        space,
        ["map", "madds"],
        scorer=scorer,
        where=["madds <= 4e7"],
        algorithm=algorithm,
        population=10,
        generations=4,
    )
    assert len(scorer.calls) == len(set(scorer.calls))
    assert len(result.front) > 0
    assert (result.archive.columns["madds"][result.front] <= 4e7).all()


@pytest.mark.parametrize("name", ["pico/u55", "pico/u55-budget", "nano/capacity-u55"])
def test_the_pages_algorithm_keeps_what_the_page_promises(name: str) -> None:
    [code] = [b.code for b in blocks(ROOT / "docs/extending.md") if "class Greedy" in b.code]
    found: dict[str, Any] = {}
    exec(code, found)
    first, again = (run_trial(evonas.load_problem(name), found["Greedy"], 90, 1, 30) for _ in "ab")
    np.testing.assert_array_equal(first.genotypes, again.genotypes)
    assert len(np.unique(first.genotypes, axis=0)) == 90


def test_an_algorithm_may_be_a_class() -> None:
    by_class, by_name = (
        run_search("pico", ["params", "madds"], algorithm=algorithm, population=10, generations=2)
        for algorithm in (RandomSearch, "random")
    )
    assert by_class.rows() == by_name.rows()
    spec = make_spec("pico", ["params", "madds"], algorithm=RandomSearch)
    assert spec.settings()["algorithm"] == "RandomSearch"
