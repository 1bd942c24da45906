"""Which networks fit: a model of a compiler's answers, where none, all or some do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evonas.errors import DataError, SchemaError
from evonas.latency import Measurements, fit_predictor, save_predictor
from evonas.latency.campaigns.campaign import campaign_genotypes
from evonas.latency.memory_limit import (
    feasible_latency,
    fit_memory_limit,
    has_limit,
    load_chances,
    load_memory_limit,
    save_memory_limit,
)
from evonas.space import load_space
from evonas.space.memory import peak_memory

NANO = load_space("nano")
LIMIT = 100_000


def campaign(limit: int, count: int = 200) -> Measurements:
    """A compiler that stripes no maps: what fits is known."""
    genotypes, roles = campaign_genotypes(NANO, count)
    needed = peak_memory(NANO, genotypes)
    fits = needed <= limit
    columns = {
        "latency_ms": np.where(fits, NANO.costs(genotypes)["madds"] / 1e7, np.nan),
        "role": roles.astype(float),
        "sram_peak_bytes": needed,
        "fits": fits.astype(float),
    }
    return Measurements(NANO, "small", genotypes, columns, "compiler", {"sram_limit": str(limit)})


def test_it_says_of_other_networks_whether_they_fit() -> None:
    model = fit_memory_limit(campaign(LIMIT))
    assert model is not None
    assert model.right > 0.9
    others = NANO.sample(300, np.random.default_rng(9))
    said = model.chance(others) >= 0.5
    fits = peak_memory(NANO, others) <= LIMIT
    assert 0.2 < fits.mean() < 0.8
    assert (said == fits).mean() > 0.93


def test_where_all_fit_there_is_no_model_and_where_none_does_the_need_is_said() -> None:
    assert fit_memory_limit(campaign(10**9)) is None
    least = peak_memory(NANO, campaign_genotypes(NANO, 200)[0]).min()
    with pytest.raises(DataError, match=rf"none of 200 .* 1,000 bytes.* least needs {least:,.0f}"):
        fit_memory_limit(campaign(1000))
    with pytest.raises(DataError, match=r"of 200 networks of nano fit .* at least 20 are required"):
        fit_memory_limit(campaign(int(least)))


def test_a_network_that_probably_does_not_fit_has_no_latency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVONAS_HOME", str(tmp_path))
    measured = campaign(LIMIT)
    predictor = fit_predictor(measured, "linear")
    save_predictor(predictor)
    assert not has_limit("small", NANO)
    assert (load_chances("small", NANO)(measured.genotypes) == 1).all()
    model = fit_memory_limit(measured)
    assert model is not None
    path = save_memory_limit(model)
    assert has_limit("small", NANO)
    sure = load_chances("small", NANO)(measured.genotypes) >= 0.75
    latency = feasible_latency(predictor, measured.genotypes)
    assert (np.isfinite(latency) == sure).all()
    # a sub-space asks the model of the space that it is part of
    pico = load_space("pico")
    theirs = pico.sample(20, np.random.default_rng(1))
    np.testing.assert_allclose(
        load_chances("small", pico)(theirs), model.chance(pico.translate(theirs, NANO)), rtol=1e-6
    )
    save_memory_limit(replace(model, table=model.table - 1))
    with pytest.raises(SchemaError, match="its table is not one of nano"):
        load_memory_limit("small", NANO)
    path.write_bytes(b"broken")
    with pytest.raises(SchemaError, match="damaged"):
        load_memory_limit("small", NANO)
