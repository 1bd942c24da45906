import numpy as np
import pytest

from evonas.latency.devices import load_device
from evonas.latency.sources.ethos import EthosSource
from evonas.space import list_published, list_spaces, load_published, load_space
from evonas.space.blocks import Conv
from evonas.space.costs import madds, params
from evonas.space.memory import MEMORY, memory_needs
from evonas.space.published import PUBLISHED


@pytest.mark.parametrize("name", list_spaces())
def test_tables_give_what_the_walk_over_one_architecture_gives(name):
    space = load_space(name)
    genotypes = space.sample(40, np.random.default_rng(0))
    costs = space.costs(genotypes)
    for genotype, n_madds, n_params in zip(genotypes, costs["madds"], costs["params"], strict=True):
        architecture = space.decode(genotype)
        assert n_madds == madds(architecture)
        assert n_params == params(architecture)


@pytest.mark.parametrize("name", list_published())
def test_published_networks_are_points_of_their_spaces(name):
    architecture = load_published(name)
    space = load_space(PUBLISHED[name].space)
    assert space.decode(space.encode(architecture)) == architecture


@pytest.mark.parametrize(
    ("name", "giga_madds", "trainable"),
    [
        ("mobiledet-cpu", 0.444, 4.17),
        ("mobiledet-edgetpu", 1.533, 4.15),
        ("mobiledet-dsp", 2.816, 7.10),
        ("mobiledet-gpu", 5.073, 13.07),
    ],
)
def test_published_costs_come_out(name, giga_madds, trainable):
    architecture = load_published(name)
    assert round(params(architecture, batch_norm_values=4) / 1e6, 2) == PUBLISHED[name].params
    assert round(params(architecture) / 1e6, 2) == trainable
    assert madds(architecture) / 1e9 == pytest.approx(giga_madds, abs=0.001)
    assert madds(architecture) / 1e9 == pytest.approx(PUBLISHED[name].madds, abs=0.01)


def test_anchors_of_the_paper():
    levels = load_published("mobiledet-cpu").levels()
    assert [level.size for level in levels] == [20, 10, 5, 3, 2, 1]


def test_flash_and_peak_memory_of_a_network_are_those_of_its_genotype():
    for name in ("nano", "mobiledet"):
        space = load_space(name)
        genotypes = space.sample(20, np.random.default_rng(2))
        columns = {column: of(space, genotypes) for column, of in MEMORY.items()}
        for row, genotype in enumerate(genotypes):
            needs = memory_needs(space.decode(genotype))
            assert needs == {column: values[row] for column, values in columns.items()}


def test_constants_are_a_byte_a_weight_and_ten_a_channel():
    assert Conv(16, 24, 3).flash_bytes() == 9 * 16 * 24 + 10 * 24
    assert Conv(16, 16, 3, depthwise=True).flash_bytes() == 9 * 16 + 10 * 16
    gated = Conv(16, 24, squeeze_excite=8).flash_bytes()
    assert gated == 16 * 24 + 2 * 24 * 8 + 10 * (24 + 24 + 8)


@pytest.mark.parametrize("device", ["ethos-u55-256", "ethos-u65-512"])
def test_flash_is_about_what_the_compiler_keeps(device: str):
    pytest.importorskip("ethosu")
    space = load_space("nano")
    genotypes = space.sample(6, np.random.default_rng(3))
    source = EthosSource(load_device(device))
    kept = [source.measure(space.decode(g)).extras["constant_bytes"] for g in genotypes]
    assert (np.abs(kept / MEMORY["flash"](space, genotypes) - 1) < 0.15).all()
