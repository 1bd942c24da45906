from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evonas.errors import SchemaError
from evonas.latency import Measurements, evaluate, fit_predictor, load_predictor, save_predictor
from evonas.latency.predictors.features import layer_kinds
from evonas.latency.predictors.fit import split
from evonas.latency.predictors.models import LinearModel, additive
from evonas.latency.predictors.neighbours import NeighbourModel, around
from evonas.latency.predictors.observations import layer_times
from evonas.latency.predictors.pairs import known_pairs, pair_keys
from evonas.latency.predictors.predictor import LatencyPredictor, predictor_path
from evonas.latency.predictors.small_trees import small_trees
from evonas.latency.sources.measurement import part_names
from evonas.space import load_space

NANO = load_space("nano")


@pytest.fixture(scope="module")
def jumping() -> Measurements:
    """Networks whose first layer of a block takes twice as long before a regular convolution."""
    pytest.importorskip("sklearn")
    genotypes = NANO.sample(400, np.random.default_rng(0))
    kinds = layer_kinds(NANO)
    numbers = kinds.numbers(NANO, genotypes)
    found = around(numbers.astype(np.int16), len(kinds.layers))
    fused = np.array([layer.op.kind == "fused" for layer in kinds.layers] + [False])
    first = np.array([slot.layer == 1 for slot in NANO.layer_slots])
    madds = np.append([layer.c_in * layer.c_out * layer.size_in for layer in kinds.layers], 0)
    times = madds[numbers] * np.where(first & fused[found[1].T], 2.0, 1.0) / 1e4
    parts = np.zeros((len(genotypes), len(part_names(NANO))))
    parts[:, 1 : 1 + times.shape[1]] = times
    columns = {
        "latency_ms": times.sum(axis=1),
        "role": np.zeros(len(genotypes)),
        "parts_ms": parts,
    }
    return Measurements(NANO, "toy-npu", genotypes, columns, "compiler", {"toy": "1"})


@pytest.fixture(scope="module")
def trees(jumping: Measurements) -> LatencyPredictor:
    """What pairs and trees learn of them; not to be changed."""
    return fit_predictor(jumping, "neighbours")


def test_skipped_layers_do_not_stand_between_neighbours() -> None:
    kinds = np.array([[3, -1, 5, 7], [1, 2, -1, -1]], np.int16)
    found = around(kinds, none=9)
    assert found[1].T.tolist() == [[5, 5, 7, 9], [2, 9, 9, 9]]
    assert found[-1].T.tolist() == [[9, 3, 3, 5], [9, 1, 2, 2]]
    assert found[2].T.tolist() == [[7, 7, 9, 9], [9, 9, 9, 9]]


def test_trees_say_what_scikit_learn_says() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    rng = np.random.default_rng(1)
    features = rng.integers(0, 9, (40, 3)).astype(np.float32)
    codes = [rng.integers(0, 40, 3000).astype(np.int16) for _ in range(2)]
    told = np.column_stack([features[c] for c in codes])
    wanted = told[:, 0] * (told[:, 4] > 3) + rng.normal(0, 0.1, 3000)
    trees = ensemble.HistGradientBoostingRegressor(max_iter=30, max_leaf_nodes=8)
    trees.fit(told, wanted)
    ours = small_trees(trees, features).predict(codes)
    np.testing.assert_allclose(ours, trees.predict(told), atol=1e-5)


def test_what_the_next_layer_does_is_learned(jumping: Measurements) -> None:
    boosted = fit_predictor(jumping, "boosted")
    chosen = fit_predictor(jumping)
    assert chosen.model.kind == "neighbours"
    _, test = split(jumping)
    assert evaluate(chosen, test).mape < 0.7 * evaluate(boosted, test).mape
    assert additive(chosen.model).table.shape == (NANO.n_cells,)


def test_additive_times_stay_a_table(measured: Measurements) -> None:
    assert isinstance(fit_predictor(measured).model, LinearModel)


def test_saved_trees_predict_the_same(
    jumping: Measurements, trees: LatencyPredictor, data_dir: Path
) -> None:
    save_predictor(trees, data_dir)
    again = load_predictor("toy-npu", "nano", data_dir)
    assert again.checksum == trees.checksum
    assert again.margin() == trees.margin()
    genotypes = jumping.genotypes[:50]
    np.testing.assert_allclose(again.predict(genotypes), trees.predict(genotypes), rtol=1e-5)
    np.testing.assert_allclose(
        again.by_block(genotypes).sum(axis=1), again.predict(genotypes), rtol=1e-6
    )
    part = load_predictor("toy-npu", "pico", data_dir)
    few = load_space("pico").sample(20, np.random.default_rng(0))
    whole = load_space("pico").translate(few, NANO)
    np.testing.assert_allclose(part.predict(few), again.predict(whole))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kinds", np.full(NANO.n_cells, 9999, np.int16)),
        ("places", np.array([99], np.int16)),
        ("leaves", np.zeros((2, 3), np.float32)),
        ("features", np.full((3, 2), np.nan, np.float32)),
        ("pair_keys", np.array([3, 2])),
    ],
)
def test_damaged_trees_are_refused(
    trees: LatencyPredictor, data_dir: Path, name: str, value: np.ndarray
) -> None:
    path = save_predictor(trees, data_dir)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, name: value})
    with pytest.raises(SchemaError, match="damaged"):
        load_predictor("toy-npu", "nano", data_dir)
    assert predictor_path("toy-npu", NANO, data_dir) == path


def test_remembered_pairs_stand_before_the_trees(
    jumping: Measurements, trees: LatencyPredictor
) -> None:
    model = trees.model
    assert isinstance(model, NeighbourModel)
    genotypes = jumping.genotypes[:1]
    kinds = layer_kinds(NANO)
    codes = around(kinds.numbers(NANO, genotypes).astype(np.int16), len(kinds.layers))
    first, second = codes[0][0], codes[1][0]
    keys = [pair_keys(first, second, np.array([on]), len(kinds.layers) + 1)[0] for on in (0, 1)]
    pairs = known_pairs(np.array(keys), np.full((2, 2), 10.0))
    told = replace(model, pairs=pairs, places=(0, 1))
    base = model.base.by_layer(genotypes)[0, :2]
    second_block = [i for i, s in enumerate(NANO.genes) if s.block == 2 and s.layer > 1]
    longer, shorter = genotypes.copy(), genotypes.copy()
    longer[:, second_block], shorter[:, second_block] = 1, 0
    np.testing.assert_allclose(told.by_layer(longer)[0, :2], 10 * base, rtol=1e-6)
    assert told.unsure(np.concatenate([longer, shorter])).tolist() == [False, True]
    # Where the third block has a say, and the trees see something else, they are believed.
    assert (told.by_layer(shorter)[0, :2] < 5 * base).all()


def test_times_by_part_are_what_is_fitted_to(jumping: Measurements) -> None:
    np.testing.assert_allclose(layer_times(jumping).sum(axis=1), jumping.latency_ms)
