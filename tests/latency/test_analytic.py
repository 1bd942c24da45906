import csv
from pathlib import Path

import numpy as np
import pytest

from evonas.graph.network import Node, layer_graph
from evonas.latency import load_predictor
from evonas.latency.devices import load_device
from evonas.latency.sources.analytic import HARDWARE, AnalyticSource, SystolicArray
from evonas.space import Conv, load_space


def node(conv: Conv, size: int) -> Node:
    (only,) = layer_graph((conv,), size).nodes
    return only


@pytest.mark.parametrize("device", HARDWARE)
@pytest.mark.parametrize("space", ["nano", "mobiledet", "mobiledet@cpu"])
def test_table_is_the_sum_over_the_operations(device: str, space: str) -> None:
    networks = load_space(space)
    genotypes = networks.sample(20, np.random.default_rng(0))
    source = AnalyticSource(load_device(device))
    summed = [source.measure(networks.decode(genotype)).latency_ms for genotype in genotypes]
    np.testing.assert_allclose(load_predictor(device, networks).predict(genotypes), summed)


def test_depthwise_leaves_a_systolic_array_idle() -> None:
    array = HARDWARE["systolic-64x64"]
    assert isinstance(array, SystolicArray)
    depthwise = node(Conv(64, 64, 3, depthwise=True), 40)
    regular = node(Conv(64, 64, 3), 40)
    assert array.cycles(depthwise) > 5 * array.cycles(regular)


def test_systolic_cycles_by_hand() -> None:
    array = SystolicArray(rows=8, columns=4, clock_hz=1.0, bytes_per_second=1.0)
    # 1x1, 16 -> 8 channels on 5x5: 2 x 2 folds of (2 * 8 + 4 + 25 - 2) cycles, less one
    assert array.cycles(node(Conv(16, 8), 5)) == 4 * 43 - 1


def scalesim_layers() -> list[dict[str, int]]:
    """The layers of scripts/build/scalesim_fixture.py with the tool's cycles."""
    with open(Path(__file__).with_name("scalesim.csv"), encoding="utf-8") as file:
        return [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("layer", scalesim_layers())
def test_closed_form_counts_as_scalesim_does(layer: dict[str, int]) -> None:
    array = SystolicArray(layer["rows"], layer["columns"], 1.0, 1.0)
    side = (layer["size"] - layer["kernel"]) // layer["stride"] + 1
    terms = layer["kernel"] ** 2 * layer["c_in"]
    assert array.product_cycles(side**2, terms, layer["c_out"]) == layer["cycles"]
