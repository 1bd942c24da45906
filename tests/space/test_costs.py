import numpy as np
import pytest

from evonas.space import list_published, list_spaces, load_published, load_space
from evonas.space.costs import madds, params
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
