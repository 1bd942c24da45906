from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evonas.errors import ConfigurationError, DataError, SchemaError
from evonas.latency import (
    Measurements,
    evaluate,
    fit_predictor,
    held_out,
    load_predictor,
    save_predictor,
)
from evonas.latency.predictors.fit import split
from evonas.latency.predictors.observations import layer_times, networks, observe
from evonas.latency.predictors.predictor import predictor_path
from evonas.latency.store import ROLES
from evonas.space import load_space


def without_parts(measured: Measurements) -> Measurements:
    columns = {name: v for name, v in measured.columns.items() if name != "parts_ms"}
    return replace(measured, columns=columns)


def test_layers_times_add_up_to_the_networks(measured: Measurements) -> None:
    np.testing.assert_allclose(layer_times(measured).sum(axis=1), measured.latency_ms)


def test_observed_layers_say_what_the_networks_are_made_of(measured: Measurements) -> None:
    whole, single = networks(measured), observe(measured)
    times = np.zeros(whole.counts.shape[1])
    times[single.counts.indices] = single.milliseconds
    np.testing.assert_allclose(whole.counts @ times, measured.latency_ms, rtol=1e-6)


@pytest.mark.slow
def test_fit_from_parts_generalises_from_few_networks(measured: Measurements) -> None:
    predictor = fit_predictor(measured)
    test = measured.select(held_out(measured))
    assert len(test) > 3
    assert evaluate(predictor, test).within_10 > 0.9
    assert predictor.accuracy["n_test"] == len(test)


def test_fit_from_whole_networks_generalises(measured: Measurements) -> None:
    predictor = fit_predictor(without_parts(measured))
    assert predictor.model.kind == "linear"
    assert evaluate(predictor, measured.select(held_out(measured))).mape < 0.15


def test_neither_held_out_nor_front_networks_are_fitted_to(measured: Measurements) -> None:
    roles = measured.columns["role"].copy()
    roles[:5] = ROLES.index("front")
    marked = replace(measured, columns={**measured.columns, "role": roles})
    train, test = split(marked)
    assert not held_out(train).any()
    assert set(train.columns["role"]) == {ROLES.index("random"), ROLES.index("stratified")}
    assert len(train) == len(marked) - 5 - len(test)
    assert fit_predictor(marked, "linear").n_train == len(train)


def test_unanswered_networks_are_left_out(measured: Measurements) -> None:
    latency = measured.columns["latency_ms"].copy()
    latency[:4] = np.nan
    holes = replace(measured, columns={**measured.columns, "latency_ms": latency})
    assert len(holes.trusted()) == len(measured) - 4


def test_trees_need_times_by_part(measured: Measurements) -> None:
    with pytest.raises(DataError, match="trees need times by part"):
        fit_predictor(without_parts(measured), "boosted")


def test_too_few_networks(measured: Measurements) -> None:
    with pytest.raises(DataError, match="at least 10 are required"):
        fit_predictor(without_parts(measured).select(np.arange(8)))


@pytest.mark.parametrize("kind", ["linear", "boosted"])
def test_saved_predictor_predicts_the_same(
    measured: Measurements, data_dir: Path, kind: str
) -> None:
    pytest.importorskip("sklearn")
    predictor = fit_predictor(measured, kind)  # type: ignore[arg-type]
    save_predictor(predictor, data_dir)
    again = load_predictor("toy-npu", "nano", data_dir)
    assert again.model.kind == kind
    assert again.checksum == predictor.checksum
    np.testing.assert_allclose(
        again.predict(measured.genotypes), predictor.predict(measured.genotypes), rtol=1e-5
    )
    blocks = again.by_block(measured.genotypes)
    np.testing.assert_allclose(blocks.sum(1), again.predict(measured.genotypes), rtol=1e-6)


def test_predictor_of_another_space_is_refused(measured: Measurements, data_dir: Path) -> None:
    source = save_predictor(fit_predictor(measured, "linear"), data_dir)
    target = predictor_path("toy-npu", load_space("mobiledet"), data_dir)
    target.parent.mkdir(parents=True)
    target.write_bytes(source.read_bytes())
    with pytest.raises(SchemaError, match="belongs to space 'nano'"):
        load_predictor("toy-npu", "mobiledet", data_dir)


def test_predictions_beyond_the_fitted_range_say_so(measured: Measurements) -> None:
    predictor = fit_predictor(measured, "linear")
    low, high = predictor.range_ms
    beyond = predictor.outside(np.array([low / 2, (low + high) / 2, high * 2]))
    assert beyond.tolist() == [True, False, True]


def test_outside_takes_milliseconds_and_a_coverage_is_a_number() -> None:
    predictor = load_predictor("cpu-xnnpack", "nano")
    genotypes = predictor.space.sample(3, 0)
    for given in (genotypes, genotypes[0], 1.0, ["x"]):
        with pytest.raises(ConfigurationError, match=r"\(n,\) milliseconds are expected"):
            predictor.outside(given)
    for coverage in (None, "x"):
        with pytest.raises(ConfigurationError, match=f"coverage {coverage!r}: 0.5 to below 1"):
            predictor.bounds(genotypes, coverage)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="device name None"):
        load_predictor(None, "nano")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="space None: a name"):
        load_predictor("cpu-xnnpack", None)  # type: ignore[arg-type]
