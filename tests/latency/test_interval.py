import numpy as np
import pytest

from evonas.errors import ConfigurationError
from evonas.latency import Measurements, fit_predictor, held_out, load_predictor
from evonas.latency.predictors.interval import Interval, interval


def test_a_margin_is_the_conformal_rank() -> None:
    ratios = Interval(tuple(1 + i / 100 for i in range(99)))
    assert ratios.upper(0.98) == pytest.approx(1.97)  # the 98th of 99
    assert ratios.lower(0.98) == pytest.approx(1.01)
    assert Interval((0.9, 1.1)).upper(0.98) == 1.1  # too few: the largest


def test_new_networks_exceed_the_margin_as_seldom_as_it_says() -> None:
    rng = np.random.default_rng(0)
    over = []
    for _ in range(300):
        measured = np.exp(rng.normal(0, 0.1, 200))
        known = interval(measured[:100], np.ones(100))
        over.append((measured[100:] > known.upper(0.9)).mean())
    assert np.mean(over) == pytest.approx(0.1, abs=0.01)


def test_a_fit_keeps_the_ratios_of_what_it_held_out(measured: Measurements) -> None:
    predictor = fit_predictor(measured, "linear")
    test = measured.select(held_out(measured))
    assert (test.latency_ms <= predictor.upper(test.genotypes)).all()
    low, high = predictor.bounds(test.genotypes, 0.9)
    assert (low < predictor.predict(test.genotypes) * 1.2).all()
    assert (low <= high).all()


def test_formulas_need_no_margin() -> None:
    assert load_predictor("systolic-64x64", "nano").margin() == 1.0


@pytest.mark.parametrize("device", ["cpu-xnnpack", "ethos-u65-512", "ethos-u85-2048"])
def test_shipped_predictors_have_a_margin(device: str) -> None:
    for space in ("nano", "mobiledet", "mobiledet@edgetpu"):
        assert 1.0 < load_predictor(device, space).margin() < 2.0


def test_a_coverage_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"coverage 2: 0\.5 to below 1"):
        load_predictor("cpu-xnnpack", "nano").margin(2)


def test_networks_that_a_model_is_unsure_of_have_a_wider_margin() -> None:
    predictor = load_predictor("ethos-u85-2048", "mobiledet")
    genotypes = predictor.space.sample(60, np.random.default_rng(0))
    unsure = predictor.model.unsure(genotypes)
    sure_of, others = predictor.intervals()
    assert 0 < unsure.sum() < 60
    assert sure_of.upper() < predictor.margin() < others.upper()
    factors = predictor.upper(genotypes) / predictor.predict(genotypes)
    np.testing.assert_allclose(factors[~unsure], sure_of.upper())
    np.testing.assert_allclose(factors[unsure], others.upper())
    low, high = predictor.bounds(genotypes, 0.9)
    np.testing.assert_allclose((high / low)[unsure], others.upper(0.95) / others.lower(0.95))
