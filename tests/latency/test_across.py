"""Models over all spaces: latencies of a space where nothing or little was measured."""

from dataclasses import replace

import numpy as np
import pytest

from evonas.errors import ConfigurationError, DataError, SchemaError
from evonas.graph.network import detector_graph
from evonas.latency import list_predictors, load_predictor, save_predictor
from evonas.latency.campaigns.workflow import fit_device
from evonas.latency.devices import load_device
from evonas.latency.predictors import across_fit
from evonas.latency.predictors.across import across_table, load_across, save_across
from evonas.latency.predictors.across_fit import NetworkTimes, fit_across
from evonas.latency.predictors.operations import Operation, features, operations, work
from evonas.latency.predictors.sharpen import sharpen
from evonas.latency.sources.analytic import AnalyticSource
from evonas.latency.store import Measurements, own_measurements_path, save_measurements
from evonas.space import load_space
from evonas.space.make import SpaceChanges, make_space

SYSTOLIC = AnalyticSource(load_device("systolic-64x64"))


def small_space(size: int, multipliers: tuple[float, ...] = (0.5, 1)):
    changes = SpaceChanges(image_size=size, multipliers=multipliers, ops=("ibn", "fused"))
    return make_space("nano", f"own-{size}", changes)[0]


def networks(told: bool, sizes=(32, 64, 96, 128, 160, 224), n: int = 12) -> list[NetworkTimes]:
    """Networks of spaces of several sizes on an analytic device."""
    found = []
    for group, size in enumerate(sizes):
        space = small_space(size)
        for genotype in space.sample(n, np.random.default_rng(size)):
            nodes = detector_graph(space.decode(genotype)).nodes
            times = np.array([SYSTOLIC._milliseconds(node) for node in nodes])
            found.append(
                NetworkTimes(group, tuple(operations(nodes)), times.sum(), times if told else None)
            )
    return found


@pytest.fixture(scope="module", autouse=True)
def _fewer_trees():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(across_fit._TREES, "max_iter", 80)
        patch.setitem(across_fit._TREES, "learning_rate", 0.15)
        yield


@pytest.fixture(scope="module")
def model():
    return fit_across("my-npu", "analytic", networks(told=True), {"formula": "test"})


def measured(space, n: int, factor: float = 1.0) -> Measurements:
    genotypes = space.sample(n, np.random.default_rng(9))
    times = [SYSTOLIC.measure(space.decode(g)).latency_ms * factor for g in genotypes]
    columns = {"latency_ms": np.array(times), "role": np.zeros(n)}
    return Measurements(space, "my-npu", genotypes, columns, "analytic", {"formula": "test"})


def test_every_operation_of_a_network_is_described_and_activations_belong_to_convolutions():
    space = load_space("mobiledet@cpu")
    genotype = space.sample(1, np.random.default_rng(0))[0]
    nodes = detector_graph(space.decode(genotype)).nodes
    found = operations(nodes)
    own = [node for node in nodes if node.kind not in ("hard_swish", "logistic")]
    assert len(found) == len(own)
    assert found[0] == Operation(0, 320, 160, 3, own[0].channels, 3, 2, 0, 2)
    assert {op.activation for op in found} == {0, 1, 2, 3}
    madds = work(found).reshape(len(found), -1, 5)[:, :, 1].sum()
    assert madds == pytest.approx(space.costs(genotype[None])["madds"][0])
    assert np.isfinite(features(found)).all()


def test_a_space_in_which_nothing_was_measured_is_predicted_within_the_error_that_is_told(
    model, tmp_path
):
    space = small_space(192, (0.5, 0.75))
    assert model.accuracy["n_test"] == 72
    assert model.accuracy["mape"] < 0.05
    save_across(model, tmp_path)
    predictor = load_predictor("my-npu", space, tmp_path)
    assert (predictor.model.kind, predictor.versions["errors"]) == ("across", "across spaces")
    assert predictor.accuracy == model.accuracy
    assert "my-npu" in list_predictors(space, tmp_path)
    test = measured(space, 30)
    error = np.abs(predictor.predict(test.genotypes) / test.latency_ms - 1)
    assert np.mean(error < 0.1) >= 0.9


def test_the_saved_trees_predict_what_the_fitted_ones_do(model, tmp_path):
    from sklearn.ensemble import HistGradientBoostingRegressor

    from evonas.latency.predictors.forest import forest_of

    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    trees = HistGradientBoostingRegressor(max_iter=30, random_state=0).fit(x, x[:, 0] * x[:, 1])
    other = rng.normal(size=(200, 4))
    assert forest_of(trees).predict(other) == pytest.approx(trees.predict(other), abs=1e-6)
    save_across(model, tmp_path)
    space = small_space(64)
    again = across_table(load_across("my-npu", tmp_path), space)
    assert again == pytest.approx(across_table(model, space), rel=1e-6)


def test_a_predictor_of_the_space_itself_comes_first(model, tmp_path):
    space = small_space(64)
    save_across(model, tmp_path)
    own = load_predictor("my-npu", space, tmp_path)
    save_predictor(replace(own, versions={"mine": "yes"}), tmp_path)
    assert load_predictor("my-npu", space, tmp_path).versions == {"mine": "yes"}


def test_networks_times_alone_tell_what_operations_take():
    told = networks(told=False, sizes=(32, 64, 96, 128, 160))
    model = fit_across("my-npu", "measured", told, {})
    assert model.accuracy["mape"] < 0.1


def test_twenty_networks_sharpen_a_model_that_is_off(model):
    space = small_space(192, (0.5, 0.75))
    table = across_table(model, space) * np.where(np.arange(space.n_cells) % 2, 1.2, 0.9)
    few, test = (
        measured(space, 20, factor=3.0),
        measured(space, 60, factor=3.0).select(np.arange(20, 60)),
    )
    predictor = sharpen(few, table)
    before = space.sum_cells(test.genotypes, table)
    before *= np.median(test.latency_ms / before)
    error = np.abs(predictor.predict(test.genotypes) / test.latency_ms - 1)
    assert error.mean() < 0.9 * np.abs(before / test.latency_ms - 1).mean()
    assert predictor.accuracy["n_test"] == 20
    assert predictor.versions["errors"] == "cross-validation"
    with pytest.raises(DataError, match="9 measured networks: at least 10"):
        sharpen(few.select(np.arange(9)), table)


def test_the_fit_of_few_networks_is_sharpened(model, tmp_path, monkeypatch):
    space = load_space("nano")
    save_across(model, tmp_path)
    few = measured(space, 20)
    save_measurements(few, own_measurements_path("my-npu", space, tmp_path))
    assert fit_device("my-npu", "nano", tmp_path).model.kind == "sharpened"
    assert fit_device("my-npu", "nano", tmp_path, "linear").model.kind == "linear"


def test_few_spaces_and_damaged_files_are_refused(model, tmp_path):
    with pytest.raises(DataError, match="1 space: at least 2"):
        fit_across("my-npu", "analytic", networks(told=True, sizes=(32,), n=3), {})
    path = save_across(model, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(SchemaError, match="damaged"):
        load_across("my-npu", tmp_path)
    save_across(replace(model, prices=model.prices[:3]), tmp_path)
    with pytest.raises(SchemaError, match="prices of shape"):
        load_across("my-npu", tmp_path)
    children = model.forest.children.copy()
    children[0] = 0  # a tree that never ends
    save_across(replace(model, forest=replace(model.forest, children=children)), tmp_path)
    with pytest.raises(SchemaError, match="trees that lead nowhere"):
        load_across("my-npu", tmp_path)


def test_a_device_without_any_model_says_how_to_make_one(tmp_path):
    with pytest.raises(
        ConfigurationError,
        match="evonas device measure --device ethos-u55-256 --space own-64 --count 200 && evonas",
    ):
        load_predictor("ethos-u55-256", small_space(64), tmp_path)
