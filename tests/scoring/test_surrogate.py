from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor

from evonas.errors import ConfigurationError, DataError, SchemaError
from evonas.paths import shipped_data
from evonas.scoring import ScorerOptions, load_scorer
from evonas.scoring.surrogate import (
    cross_validate,
    fit_surrogate,
    load_surrogate,
    save_surrogate,
    surrogate_features,
)
from evonas.scoring.surrogate.features import feature_names
from evonas.scoring.surrogate.fit import feature_groups
from evonas.scoring.surrogate.forest import fit_boosted, fit_forest
from evonas.scoring.surrogate.gaussian_process import fit_gaussian_process
from evonas.scoring.surrogate.model import MODELS, checksum
from evonas.space import load_space

NANO, PICO = load_space("nano"), load_space("pico")


@pytest.fixture(scope="module")
def trained():
    """Genotypes, AP that costs and ops decide with noise, and a supernet that sees half of it."""
    rng = np.random.default_rng(0)
    rows = NANO.sample(60, rng)
    x = surrogate_features(NANO, rows)
    names = feature_names(NANO)
    fused = x[:, names.index("b3.fused")]
    cost = x[:, names.index("madds")]
    ap = 0.2 + 0.03 * (cost - cost.mean()) + 0.05 * fused + 0.005 * rng.standard_normal(60)
    return rows, ap, 0.05 * fused + 0.005 * rng.standard_normal(60)


@pytest.mark.parametrize(
    ("scorer", "options"),
    [
        ("surrogate", {"data": "my_data"}),  # its AP is of the data it was fitted to
        ("surrogate", {"weights": "mine.safetensors"}),
        ("table", {"data": "my_data"}),
        ("supernet", {"surrogate": "mine.npz"}),
    ],
)
def test_what_a_scorer_does_not_use_is_refused(scorer, options):
    options = {name: Path(value) for name, value in options.items()}
    with pytest.raises(ConfigurationError, match=f"--{next(iter(options))} .*does not use it"):
        load_scorer(scorer, ScorerOptions(NANO, **options))


def test_features_follow_the_walk():
    rows = NANO.sample(20, np.random.default_rng(1))
    x = surrogate_features(NANO, rows)
    names = feature_names(NANO)
    assert x.shape == (20, len(names))
    np.testing.assert_allclose(np.exp(x[:, -2]), NANO.costs(rows)["madds"])
    for row, values in zip(rows, x, strict=True):
        named = dict(zip(names, values, strict=True))
        blocks = NANO.decode(row).blocks
        assert [named[f"b{i}.depth"] for i in (1, 2, 3, 4)] == [len(b.ops) for b in blocks]
        for i, block in enumerate(blocks, start=1):
            shares = [named[f"b{i}.{kind}"] for kind in ("ibn", "fused", "tucker")]
            assert sum(shares) == pytest.approx(1)
            assert np.exp(named[f"b{i}.width"]) == pytest.approx(block.width)
    assert surrogate_features(NANO, rows[:0]).shape == (0, len(names))


def test_the_forest_is_scikit_learns():
    rng = np.random.default_rng(0)
    x, new = rng.standard_normal((2, 60, 5))
    y = x[:, 0] + 0.1 * rng.standard_normal(60)
    settings = {"min_samples_leaf": 2, "max_features": 0.5, "bootstrap": True}
    expected = ExtraTreesRegressor(200, random_state=0, **settings).fit(x, y).predict(new)
    np.testing.assert_allclose(fit_forest(x, y).predict(new)[0], expected)


def test_boosted_trees_are_scikit_learns_and_say_how_far_they_are_off():
    rng = np.random.default_rng(0)
    x, new = rng.standard_normal((2, 200, 5))
    y = x[:, 0] + 0.3 * rng.standard_normal(200)
    settings = {"n_estimators": 800, "max_depth": 4, "learning_rate": 0.05, "max_features": 0.3}
    expected = GradientBoostingRegressor(**settings, subsample=0.5, init="zero", random_state=0)
    mean, std = fit_boosted(x, y).predict(new)
    np.testing.assert_allclose(mean, expected.fit(x, y).predict(new))
    assert 0.3 < std[0] < 0.6
    assert (std == std[0]).all()


def test_many_networks_are_predicted_as_few_are(trained):
    rows, ap, _ = trained
    surrogate = fit_surrogate(NANO, rows, ap, kinds=["boosted"])
    many = NANO.sample(5000, np.random.default_rng(2))
    values, _ = surrogate.predict(many)
    np.testing.assert_allclose(values[4900:], surrogate.predict(many[4900:])[0])


def test_a_surrogate_beside_it_gives_the_supernets_scores(trained, tmp_path):
    rows, ap, scores = trained
    save_surrogate(tmp_path / "scores.npz", fit_surrogate(NANO, rows, scores, kinds=["boosted"]))
    given = load_surrogate(tmp_path / "scores.npz", NANO).predict(rows)[0]
    card = {"scores_of": {"file": "scores.npz", "checksum": checksum(tmp_path / "scores.npz")}}
    save_surrogate(
        tmp_path / "ap.npz", fit_surrogate(NANO, rows, ap, given, card, kinds=["gaussian-process"])
    )
    loaded = load_surrogate(tmp_path / "ap.npz", NANO)
    np.testing.assert_array_equal(loaded.predict(rows), loaded.predict(rows, given))
    scorer = load_scorer("surrogate", ScorerOptions(NANO, surrogate=tmp_path / "ap.npz"))
    np.testing.assert_array_equal(scorer(rows)["map"], loaded.predict(rows)[0])
    save_surrogate(
        tmp_path / "scores.npz", fit_surrogate(NANO, rows, scores, seed=1, kinds=["boosted"])
    )
    with pytest.raises(SchemaError, match=r"fitted with scores of scores\.npz"):
        load_surrogate(tmp_path / "ap.npz", NANO)
    (tmp_path / "scores.npz").unlink()
    with pytest.raises(SchemaError, match="which is not there"):
        load_surrogate(tmp_path / "ap.npz", NANO)
    for strange in ("scores.npz", {"file": "../x"}, {"file": "ap.npz", "checksum": "0"}):
        save_surrogate(
            tmp_path / "ap.npz",
            fit_surrogate(
                NANO, rows, ap, given, {"scores_of": strange}, kinds=["gaussian-process"]
            ),
        )
        with pytest.raises(SchemaError, match=r"ap\.npz"):
            load_surrogate(tmp_path / "ap.npz", NANO)


def test_the_process_interpolates_and_knows_where_it_knows_nothing():
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (60, 2))
    y = np.sin(2 * x[:, 0]) + 0.05 * rng.standard_normal(60)
    process = fit_gaussian_process(x, y, np.array([0, 1]))
    near = rng.uniform(-1.5, 1.5, (40, 2))
    mean, std = process.predict(near)
    assert np.abs(mean - np.sin(2 * near[:, 0])).mean() < 0.1
    assert (std > 0.03).all()
    assert process.predict(np.full((1, 2), 9.0))[1] > 3 * std.mean()


@pytest.mark.parametrize("kind", MODELS)
def test_held_out_networks_are_foretold_better_than_by_the_mean(trained, kind):
    rows, ap, supernet = trained
    errors = cross_validate(kind, NANO, rows, ap, supernet, folds=3, repeats=1)
    assert errors.r2 > 0.4
    assert errors.tau > 0.4
    assert 0.8 < errors.coverage <= 1


def test_the_best_quarter_is_that_of_the_truth_and_ranked_by_the_prediction(trained, monkeypatch):
    rows, ap, supernet = trained

    class Supernet:
        def predict(self, x):
            return x[:, -1], np.ones(len(x))

    def fit(kind, space, x, ap, seed):
        return Supernet(), np.zeros(x.shape[1] + 1), np.ones(x.shape[1] + 1)

    monkeypatch.setattr("evonas.scoring.surrogate.fit._fit", fit)
    errors = cross_validate("forest", NANO, rows, ap, supernet, folds=3, repeats=2)
    best = sorted(range(len(ap)), key=lambda row: -ap[row])[: -(-len(ap) // 4)]
    pairs = [(a, b) for a in best for b in best if a < b]
    agree = [np.sign((ap[a] - ap[b]) * (supernet[a] - supernet[b])) for a, b in pairs]
    assert errors.tau_best_quarter == pytest.approx(np.mean(agree))
    assert errors.tau != pytest.approx(errors.tau_best_quarter)


def test_shuffled_values_cannot_be_foretold(trained):
    rows, ap, supernet = trained
    shuffled = np.random.default_rng(3).permutation(ap)
    assert (
        cross_validate("gaussian-process", NANO, rows, shuffled, supernet, folds=3, repeats=1).r2
        < 0.1
    )


def test_groups_part_the_features():
    groups = feature_groups(NANO, len(feature_names(NANO)) + 1)
    assert groups[-1] == 3
    assert (groups == 2).sum() == 2
    assert groups[0] == 0


def test_a_file_gives_the_same_predictions(trained, tmp_path, monkeypatch):
    rows, ap, supernet = trained
    for kind in MODELS:
        monkeypatch.setattr("evonas.scoring.surrogate.fit.MODELS", {kind: MODELS[kind]})
        surrogate = fit_surrogate(NANO, rows, ap, supernet, {"truth": "abc"}, folds=2, repeats=1)
        path = tmp_path / f"{kind}.npz"
        save_surrogate(path, surrogate)
        loaded = load_surrogate(path, NANO)
        assert loaded.card["truth"] == "abc"
        assert loaded.card["cross_validation"][kind]["n"] == 60
        for found, expected in zip(
            loaded.predict(rows[:7], supernet[:7]),
            surrogate.predict(rows[:7], supernet[:7]),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected)
        with pytest.raises(ConfigurationError, match="needs the supernet's scores"):
            loaded.predict(rows)
        with pytest.raises(SchemaError, match="fitted for 'nano', not for this 'pico'"):
            load_surrogate(path, PICO)
        path.write_bytes(path.read_bytes()[:300])
        with pytest.raises(SchemaError, match="not a surrogate"):
            load_surrogate(path, NANO)


def test_the_scorer_by_name_scores_a_contained_space(trained, tmp_path):
    rows, ap, _ = trained
    path = tmp_path / "nano.npz"
    with pytest.raises(ConfigurationError, match="evonas supernet fit"):
        load_scorer("surrogate", ScorerOptions(PICO, surrogate=path))
    surrogate = fit_surrogate(NANO, rows, ap, folds=2, repeats=1)
    save_surrogate(path, surrogate)
    scorer = load_scorer("surrogate", ScorerOptions(PICO, surrogate=path))
    small = PICO.sample(5, np.random.default_rng(0))
    scores = scorer(small)
    np.testing.assert_allclose(scores["map"], surrogate.predict(PICO.translate(small, NANO))[0])
    assert (scores["map_std"] > 0).all()
    assert scorer.provenance["source"] == "surrogate"


def test_too_few_networks_are_refused(trained):
    rows, ap, _ = trained
    with pytest.raises(DataError, match="19 trained architectures; a surrogate needs at least 20"):
        fit_surrogate(NANO, rows[:19], ap[:19])


@pytest.mark.parametrize("name", ["nano", "nano-supernet"])
def test_a_prediction_does_not_depend_on_what_is_predicted_with_it(name):
    surrogate = load_surrogate(shipped_data() / f"surrogates/{name}.npz", NANO)
    rows = NANO.sample(40, np.random.default_rng(0))
    together = np.stack(surrogate.predict(rows))
    for size in (1, 3, 8, 39):
        parts = [np.stack(surrogate.predict(rows[i : i + size])) for i in range(0, 40, size)]
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), together)
