import numpy as np
import pytest

from evonas.errors import ConfigurationError, DataError
from evonas.scoring import AnalyticColumns, CachedScorer, MemoryStore, StoredOnly
from evonas.space import Genotypes, load_space

PICO = load_space("pico")


class Counting:
    columns = ("map",)
    provenance = {"source": "test"}  # noqa: RUF012

    def __init__(self, fail_after: int = 10**9) -> None:
        self.scored = 0
        self.fail_after = fail_after

    def __call__(self, genotypes: Genotypes) -> dict[str, np.ndarray]:
        if self.scored >= self.fail_after:
            raise RuntimeError("the machine caught fire")
        self.scored += len(genotypes)
        return {"map": genotypes.sum(axis=1) / 100}


def genotypes(n: int) -> Genotypes:
    return np.unique(PICO.sample(3 * n, np.random.default_rng(0)), axis=0)[:n]


def test_only_what_the_store_lacks_is_scored() -> None:
    scorer, store, rows = Counting(), MemoryStore(), genotypes(30)
    cached = CachedScorer(PICO, scorer, store)
    first = cached(rows[:10])["map"]
    both = cached(rows)["map"]
    np.testing.assert_array_equal(both, rows.sum(axis=1) / 100)
    np.testing.assert_array_equal(both[:10], first)
    assert (cached.scored, cached.cached, scorer.scored) == (30, 10, 30)


def test_batches_are_stored_before_they_are_announced() -> None:
    store, rows = MemoryStore(), genotypes(30)
    stored: list[int] = []

    def announce() -> None:
        stored.append(int((~np.isnan(store.known(rows, ["map"], PICO)["map"])).sum()))
        assert stored[-1] == cached.scored

    cached = CachedScorer(PICO, Counting(fail_after=4), store, on_batch=announce)
    with pytest.raises(RuntimeError, match="fire"):
        cached(rows)
    assert stored == [4]


def test_a_slow_scorer_is_stored_after_every_score(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**6, 10))  # every look at it is ten seconds later
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    batches: list[int] = []
    cached = CachedScorer(PICO, Counting(), MemoryStore())
    cached.on_batch = lambda: batches.append(cached.scored)
    cached(genotypes(10))
    assert batches[0] == 4
    assert np.diff(batches).tolist() == [1, 1, 1, 1, 1, 1]


def test_stored_only_names_what_is_missing() -> None:
    rows = genotypes(3)
    cached = CachedScorer(PICO, StoredOnly(PICO, ("map",)), MemoryStore())
    with pytest.raises(DataError, match=f"lacks map of {PICO.arch_ids(rows)[0]} and 2 more"):
        cached(rows)


def test_analytic_columns_are_kept_once() -> None:
    appended: list[tuple[int, str]] = []

    class Watched(MemoryStore):
        def append(self, space, genotypes, columns, *, provenance):  # type: ignore[no-untyped-def]
            appended.append((len(genotypes), provenance["source"]))
            super().append(space, genotypes, columns, provenance=provenance)

    store, rows = Watched(), genotypes(10)
    analytic = AnalyticColumns(PICO, ["madds", "params"])
    for n in (6, 10, 10):
        analytic.keep(store, rows[:n], analytic(rows[:n]))
    assert appended == [(6, "analytic")] * 2 + [(4, "analytic")] * 2
    np.testing.assert_array_equal(
        store.known(rows, ["madds"], PICO)["madds"], PICO.costs(rows)["madds"]
    )


def test_unknown_device_is_refused_before_any_work() -> None:
    with pytest.raises(ConfigurationError, match="unknown device 'toaster'"):
        AnalyticColumns(PICO, ["latency:toaster"])
