from pathlib import Path

import numpy as np
import pytest

from evonas.latency import Measurements
from evonas.latency.campaigns.campaign import campaign_genotypes
from evonas.latency.devices import load_device
from evonas.latency.sources.analytic import AnalyticSource
from evonas.latency.sources.measurement import part_names
from evonas.space import load_space

COUNT = 60


@pytest.fixture(scope="session")
def measured() -> Measurements:
    """Networks of `nano` with the times of a formula, parts included, as a compiler tells them."""
    space = load_space("nano")
    genotypes, roles = campaign_genotypes(space, COUNT)
    source = AnalyticSource(load_device("edge-gpu"))
    found = [source.measure(space.decode(genotype)) for genotype in genotypes]
    parts = [[m.parts_ms.get(part, 0.0) for part in part_names(space)] for m in found]
    columns = {
        "latency_ms": np.array([m.latency_ms for m in found]),
        "role": np.array(roles, float),
        "parts_ms": np.array(parts),
    }
    return Measurements(space, "toy-npu", genotypes, columns, "compiler", {"toy": "1"})


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"
