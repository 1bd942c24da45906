from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evonas.errors import ConfigurationError, DataError
from evonas.objectives import pareto_mask
from evonas.scoring import CachedScorer, MemoryStore
from evonas.search import Progress, SearchResult, run_search
from evonas.search.evaluation import Evaluation
from evonas.search.hypervolume import normalised_hypervolume
from evonas.search.spec import make_spec
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table import open_table
from tests.search.additive import AdditiveScorer

OBJECTIVES = ("map", "madds")


@pytest.fixture(scope="module")
def nano() -> SearchSpace:
    return load_space("nano")


def search(space: SearchSpace, **options: object) -> SearchResult:
    options = {"scorer": AdditiveScorer(space), "population": 16, "generations": 6} | options
    return run_search(space, OBJECTIVES, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", ["nsga2", "random"])
def test_front_is_the_archives_front_and_every_evaluation_is_new(
    nano: SearchSpace, algorithm: str
) -> None:
    result = search(nano, algorithm=algorithm)
    assert result.scored == len(np.unique(result.archive.genotypes, axis=0)) == 96
    mask = pareto_mask(result.values(), result.objectives)
    assert set(result.front) == set(np.flatnonzero(mask))
    assert (np.diff(result.values()[result.front, 0]) <= 0).all()
    assert result.hypervolume == pytest.approx(
        normalised_hypervolume(result.values(), result.objectives, result.reference)
    )
    volumes = [progress.hypervolume for progress in result.history]
    assert volumes == sorted(volumes)


@pytest.mark.parametrize("algorithm", ["nsga2", "random"])
def test_same_seed_same_front_and_another_seed_another(nano: SearchSpace, algorithm: str) -> None:
    first, again, other = (search(nano, algorithm=algorithm, seed=s) for s in (1, 1, 2))
    assert first.rows() == again.rows()
    assert first.rows() != other.rows()


def test_second_run_scores_nothing(nano: SearchSpace) -> None:
    store, scorer = MemoryStore(), AdditiveScorer(nano)
    first = search(nano, scorer=scorer, table=store)
    calls = len(scorer.calls)
    again = search(nano, scorer=scorer, table=store)
    assert (again.scored, again.cached, len(scorer.calls)) == (0, 96, calls)
    assert again.rows() == first.rows()


def test_interrupted_run_resumes_to_the_same_front_without_scoring_twice(
    nano: SearchSpace,
) -> None:
    undisturbed = search(nano)
    store, scorer = MemoryStore(), AdditiveScorer(nano)

    def stop(progress: Progress) -> None:
        if progress.scored > 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(nano, scorer=scorer, table=store, callback=stop)
    resumed = search(nano, scorer=scorer, table=store)
    assert resumed.rows() == undisturbed.rows()
    assert resumed.cached > 40
    assert len(scorer.calls) == len(set(scorer.calls)) == 96


@pytest.mark.parametrize("algorithm", ["nsga2", "assisted"])
def test_infeasible_genotypes_are_never_scored_nor_on_the_front(
    nano: SearchSpace, algorithm: str
) -> None:
    scorer = AdditiveScorer(nano)
    where = ["madds <= 1e7 and params >= 1e5"]
    result = search(nano, scorer=scorer, where=where, algorithm=algorithm)
    rows = result.rows()
    assert rows
    assert all(row["madds"] <= 1e7 and row["params"] >= 1e5 for row in rows)
    scored = nano.costs(np.array([list(key) for key in scorer.calls], np.uint8))["madds"]
    assert (scored <= 1e7).all()


def test_a_violation_for_each_constraint_and_none_for_what_was_not_scored(
    nano: SearchSpace,
) -> None:
    spec = make_spec(nano, OBJECTIVES, ["map >= 0.6", "madds <= 2e7"])
    evaluation = Evaluation(spec, CachedScorer(nano, AdditiveScorer(nano), MemoryStore()))
    genotypes = nano.canonical(nano.sample(50, np.random.default_rng(0)))
    values, violated = evaluation(genotypes)
    ap, madds = values.T
    costly = madds > 2e7
    assert 0 < costly.sum() < len(costly)
    np.testing.assert_allclose(violated[:, 1], madds / 2e7 - 1)
    np.testing.assert_allclose(violated[~costly, 0], 1 - ap[~costly] / 0.6)
    assert np.isnan(ap[costly]).all()
    assert (violated[costly, 0] == 0).all()


def test_constraint_on_a_score(nano: SearchSpace) -> None:
    result = search(nano, where=["map >= 0.6"])
    assert result.rows()
    assert all(row["map"] >= 0.6 for row in result.rows())


def test_impossible_constraint_gives_an_empty_front(nano: SearchSpace) -> None:
    result = search(nano, where=["madds <= 1"])
    assert result.rows() == []
    assert (result.hypervolume, result.scored) == (0, 0)


@pytest.mark.parametrize("algorithm", ["nsga2", "random"])
def test_tiny_space_is_exhausted_gracefully(algorithm: str) -> None:
    pico = load_space("pico")
    blocks = tuple(
        replace(block, first=block.first[:2], depth=1, further=()) for block in pico.blocks
    )
    tiny = replace(pico, name="tiny", blocks=blocks)
    assert tiny.size == 16
    result = search(tiny, algorithm=algorithm, generations=20)
    assert result.scored == 16


def test_reference_point_does_not_depend_on_the_run(nano: SearchSpace) -> None:
    one, other = search(nano, seed=1), search(nano, algorithm="random", seed=2, population=4)
    np.testing.assert_array_equal(one.reference, other.reference)
    assert one.reference[0] == 0


def test_search_needs_no_scorer_for_analytic_objectives(nano: SearchSpace) -> None:
    result = run_search(nano, ["params", "madds"], population=8, generations=3)
    assert result.scored == 0
    assert result.rows()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 0}, "population is 0"),
        ({"generations": 0}, "generations is 0"),
        ({"algorithm": "psychic"}, "unknown algorithm 'psychic'; known: agemoea2, "),
        ({"where": ["latency is low"]}, "condition 'latency is low': a comparison"),
        ({"where": ["madds <= params"]}, "compares the columns madds and params"),
        ({"seed": -1}, "seed is -1; a whole number of at least 0"),
        ({"scorer": None}, "map: needs a scorer, or a table"),
        ({"where": ["trained_map >= 0.3"]}, "does not give 'trained_map'"),
    ],
)
def test_wrong_options_are_refused(
    nano: SearchSpace, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        search(nano, **options)


@pytest.mark.parametrize(
    ("objectives", "message"),
    [(["map"], "at least two"), (["map", "map"], "at least two"), (["map", "x"], "objective 'x'")],
)
def test_wrong_objectives_are_refused(
    nano: SearchSpace, objectives: list[str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run_search(nano, objectives, scorer=AdditiveScorer(nano))


def test_nan_scores_are_refused_and_not_stored(nano: SearchSpace) -> None:
    class Broken(AdditiveScorer):
        def __call__(self, genotypes):  # type: ignore[no-untyped-def]
            return {name: values * np.nan for name, values in super().__call__(genotypes).items()}

    store = MemoryStore()
    with pytest.raises(DataError, match="no finite 'map' for nano:"):
        CachedScorer(nano, Broken(nano), store)(nano.sample(3, np.random.default_rng(0)))
    assert store._values == {}


def test_nsga2_finds_nearly_all_of_an_exact_front() -> None:
    """Against the front of all networks of `pico`, found by scoring every one of them."""
    pico = load_space("pico")
    everything = np.stack(np.meshgrid(*map(np.arange, pico.gene_sizes), indexing="ij"), axis=-1)
    everything = np.unique(pico.canonical(everything.reshape(-1, pico.n_genes)), axis=0)
    assert len(everything) == pico.size
    truth = np.stack(
        [AdditiveScorer(pico)(everything)["map"], pico.costs(everything)["madds"]], axis=1
    )
    results = [search(pico, population=50, generations=30, seed=seed) for seed in range(5)]
    best = normalised_hypervolume(truth, results[0].objectives, results[0].reference)
    shares = [result.hypervolume / best for result in results]
    assert np.median(shares) > 0.99


class Own:
    """A scorer of one's own, whose slips are the tests'."""

    columns: object = ("map",)
    provenance: object = {"source": "own"}

    def __init__(self, give: Callable[[int], object]) -> None:
        self.give = give

    def __call__(self, genotypes: Genotypes) -> object:
        return self.give(len(genotypes))


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda n: {"map": np.full(n, 2.0)}, "gave 'map' 2 for pico:.*; AP is a fraction, 0 to 1"),
        (lambda n: {"map": np.full(n, -1.0)}, "gave 'map' -1 for pico:.*; AP is a fraction"),
        (lambda n: {"map": np.full(n, 0.5 + 1j)}, "column 'map': complex128"),
        (lambda n: {"map": 0.5}, "column 'map': float64 of shape"),
        (lambda n: {"map": np.full((n, 1), 0.5)}, r"column 'map': .*one number per row"),
        (lambda n: {"map": np.full(n + 1, 0.5)}, "5 values of 'map' for 4 genotypes"),
        (lambda n: {"map": np.full(n - 1, 0.5)}, "3 values of 'map' for 4 genotypes"),
        (lambda n: {"map50": np.full(n, 0.5)}, "gave no 'map', which is one of its columns"),
        (lambda n: {"map": None}, "column 'map': object"),
        (lambda n: None, "the scorer gave None; a dict of map"),
        (lambda n: 0.5, "the scorer gave 0.5; a dict of map"),
    ],
)
def test_a_scorers_slips_are_told(give: Callable[[int], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        run_search("pico", OBJECTIVES, scorer=Own(give))  # type: ignore[arg-type]


def test_a_scorer_may_give_lists() -> None:
    result = run_search(
        "pico", OBJECTIVES, scorer=Own(lambda n: {"map": [0.5] * n}), population=4, generations=1
    )  # type: ignore[arg-type]
    assert [row["map"] for row in result.rows()] == [0.5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": "map"}, "columns 'map': a list of names is expected"),
        ({"provenance": None}, "provenance None: a dict is expected"),
    ],
)
def test_a_scorers_attributes_are_checked(change: dict[str, object], message: str) -> None:
    scorer = Own(lambda n: {"map": np.full(n, 0.5)})
    for name, value in change.items():
        setattr(scorer, name, value)
    with pytest.raises(ConfigurationError, match=message):
        run_search("pico", OBJECTIVES, scorer=scorer)  # type: ignore[arg-type]
    for other in (lambda genotypes: {}, Own, 5):
        with pytest.raises(ConfigurationError, match="`columns`, `provenance` and a call"):
            run_search("pico", OBJECTIVES, scorer=other)  # type: ignore[arg-type]


def test_a_table_may_be_a_path(tmp_path: Path) -> None:
    scorer = AdditiveScorer(load_space("pico"))
    for place in (tmp_path / "table", str(tmp_path / "table")):
        result = run_search(
            "pico", OBJECTIVES, scorer=scorer, table=place, population=5, generations=2
        )
    assert (result.scored, result.cached, len(scorer.calls)) == (0, 10, 10)
    assert len(open_table(tmp_path / "table")) == 10
    shipped = run_search("pico", OBJECTIVES, table="pico-v3", population=5, generations=1)
    assert shipped.cached == 5
    with pytest.raises(ConfigurationError, match="table 5: a table, its path or None"):
        run_search("pico", OBJECTIVES, scorer=scorer, table=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": None}, "space None: a name"),
        ({"space": 3}, "space 3: a name"),
        ({"population": 100_001}, "population is 100001; a whole number from 1 to 100,000"),
        ({"population": None}, "population is None"),
        ({"generations": "2"}, "generations is '2'"),
        ({"generations": 1.5}, "generations is 1.5"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"where": None}, "where None: a condition or a list"),
        ({"where": 5}, "where 5: a condition or a list"),
        ({"where": [5]}, "condition 5: a text is expected"),
    ],
)
def test_arguments_of_another_type_are_told(change: dict[str, object], message: str) -> None:
    arguments = {"space": "pico", "objectives": ["params", "madds"]} | change
    with pytest.raises(ConfigurationError, match=message):
        run_search(**arguments)  # type: ignore[arg-type]
