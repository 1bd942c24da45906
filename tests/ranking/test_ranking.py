import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from evonas.errors import ConfigurationError, DataError
from evonas.ranking import (
    Truth,
    agreement,
    discrimination,
    explained_by_gene,
    kendall_tau,
    load_truth,
    noise_ceiling,
    op_mixes,
    regret,
    spearman,
    tau_among_alike,
    top_overlap,
)
from evonas.ranking.agreement import tau_between_seeds, within
from evonas.ranking.report import ranking_report
from evonas.ranking.statistics import bootstrap
from evonas.space import load_space
from evonas.table import create_table

NANO, PICO = load_space("nano"), load_space("pico")


def genotypes(n, space=NANO):
    return np.unique(space.sample(3 * n, np.random.default_rng(0)), axis=0)[:: 3 * n // n][:n]


def truth(n=60, seeds=3, repeated=20, noise=0.01):
    rng = np.random.default_rng(10)
    chosen = NANO.sample(n, rng)
    ap = 0.3 + 0.05 * rng.standard_normal(n)
    runs = ap[:, None] + noise * rng.standard_normal((n, seeds))
    runs[repeated:, 1:] = np.nan
    return Truth(NANO, chosen, runs), ap


@pytest.mark.parametrize("levels", [3, 10, 10_000])
def test_correlations_are_scipys_with_ties(levels):
    rng = np.random.default_rng(levels)
    true, predicted = rng.integers(0, levels, (2, 5, 40)).astype(float)
    for row in range(5):
        expected = kendalltau(true[row], predicted[row]).statistic
        assert kendall_tau(true, predicted)[row] == pytest.approx(expected)
        assert spearman(true, predicted)[row] == pytest.approx(
            spearmanr(true[row], predicted[row]).statistic
        )


def test_correlations_without_order_are_nan():
    flat, rising = np.zeros((1, 4)), np.arange(4.0)[None]
    assert np.isnan(kendall_tau(rising, flat)).all()
    assert np.isnan(spearman(rising, flat)).all()


def test_top_and_regret_look_at_the_best_by_prediction():
    true = np.array([[0.1, 0.5, 0.4, 0.2]])
    predicted = np.array([[4.0, 1.0, 3.0, 2.0]])
    assert top_overlap(2)(true, predicted) == 0.5
    assert regret(1)(true, predicted) == pytest.approx(0.4)
    assert regret(2)(true, predicted) == pytest.approx(0.1)
    assert regret(9)(true, predicted) == 0
    assert top_overlap(9)(true, predicted) == 1


def test_intervals_hold_the_value_and_shrink_with_more_networks():
    rng = np.random.default_rng(0)
    widths = []
    for n in (20, 200):
        true = rng.standard_normal(n)
        tau = agreement(true, true + rng.standard_normal(n), resamples=300)["tau"]
        assert tau.low < tau.value < tau.high
        widths.append(tau.high - tau.low)
    assert widths[1] < widths[0] / 2
    assert np.isnan(bootstrap(kendall_tau, np.ones(1), np.ones(1)).value)


def test_alike_counts_pairs_of_alike_cost_alone():
    the_truth, _ = truth()
    madds = the_truth.costs["madds"]
    # right within alike cost, wrong between: cost decides against the truth
    tau, pairs = tau_among_alike(the_truth, the_truth.ap)
    ratio = np.maximum(madds[:, None], madds) / np.minimum(madds[:, None], madds)
    assert tau == 1
    assert pairs == np.triu(ratio <= 1.1, 1).sum()
    assert tau_among_alike(the_truth, -the_truth.ap)[0] == -1


def test_ceiling_falls_with_noise_and_bounds_a_perfect_prediction():
    taus = []
    for noise in (0.001, 0.01, 0.03):
        the_truth, ap = truth(n=150, repeated=100, noise=noise)
        ceiling = noise_ceiling(the_truth)
        reached = kendall_tau(the_truth.ap[None], ap[None])[0]
        assert ceiling.value == pytest.approx(reached, abs=0.04)
        assert the_truth.seed_std == pytest.approx(noise, rel=0.2)
        assert tau_between_seeds(the_truth) < ceiling.value + 0.05
        taus.append(ceiling.value)
    assert taus[0] > taus[1] > taus[2]


def test_without_repeated_trainings_there_is_no_ceiling():
    the_truth = Truth(PICO, PICO.sample(5, np.random.default_rng(0)), np.arange(5.0)[:, None])
    assert np.isnan(noise_ceiling(the_truth).value)
    assert np.isnan(the_truth.seed_std)
    assert np.isnan(tau_between_seeds(the_truth))


def test_discrimination_compares_spread_with_noise():
    figures = discrimination(truth(n=200, noise=0.01)[0])
    assert figures.ratio == pytest.approx(5, rel=0.3)
    assert figures.n_repeated == 20
    assert figures.std_middle < 2 * figures.std


def test_a_gene_that_decides_is_found_and_others_are_not():
    rows = NANO.sample(300, np.random.default_rng(0))
    column = NANO.gene_names.index("b3.width")
    values = rows[:, column] + 0.1 * np.random.default_rng(1).standard_normal(300)
    shares = explained_by_gene(NANO, rows, values)
    assert shares.pop("b3.width") > 0.95
    assert max(shares.values()) < 0.1
    assert np.mean(list(shares.values())) == pytest.approx(0, abs=0.02)


def test_the_report_names_the_gene_that_a_prediction_lacks():
    rows = np.unique(NANO.sample(200, np.random.default_rng(0)), axis=0)
    cost = np.log(NANO.costs(rows)["madds"])
    lacking = rows[:, NANO.gene_names.index("b1.width")]
    the_truth = Truth(NANO, rows, (0.1 * cost + 0.2 * lacking)[:, None])
    told = ranking_report(the_truth, {"lacks": cost})["predictors"]["lacks"]["error_genes"]
    assert max(told, key=told.get) == "b1.width"
    assert told["b1.width"] > 0.9


def test_terciles_and_mixes_partition():
    the_truth, _ = truth(n=61)
    terciles = the_truth.cost_terciles()
    madds = the_truth.costs["madds"]
    assert sorted(np.bincount(terciles)) == [20, 20, 21]
    assert madds[terciles == 0].max() <= madds[terciles == 1].min()
    fused = NANO.genes[NANO.gene_names.index("b2.l1.op")].choices
    rows = NANO.canonical(np.zeros((1, NANO.n_genes), int))
    assert op_mixes(NANO, rows) == ["ibn"]
    assert set(op_mixes(NANO, the_truth.genotypes)) <= {"ibn", "fused", "tucker", "mixed"}
    assert any(op.kind == "fused" for op in fused)
    assert set(within(terciles, the_truth.ap, madds)) == {0, 1, 2}


def test_truth_is_read_from_a_table(tmp_path):
    table, rows = create_table(tmp_path / "table"), genotypes(4)
    with pytest.raises(ConfigurationError, match="unknown space"):
        load_truth(table, NANO)
    table.append(NANO, rows, {"map": np.zeros(4)}, provenance={"source": "test"})
    with pytest.raises(DataError, match="no column 'trained_map'"):
        load_truth(table, NANO)
    table.append(NANO, rows[:3], {"trained_map": [0.1, 0.2, 0.3]}, provenance={"source": "trained"})
    table.append(NANO, rows[:1], {"trained_map:1": [0.2]}, provenance={"source": "trained"})
    others = ("trained_map#5", "trained_map:1#5", "trained_map@street", "trained_map:1@street")
    for name in others:  # points of curves and other data are no trainings of their own
        table.append(NANO, rows, {name: [0.9] * 4}, provenance={"source": "trained"})
    the_truth = load_truth(table, NANO)
    assert len(the_truth) == 3
    np.testing.assert_allclose(np.sort(the_truth.ap), [0.15, 0.2, 0.3])
    assert the_truth.seed_std == pytest.approx(0.1 / np.sqrt(2))
