"""Random sub-spaces are parts of the whole, and a walk ends in a better one."""

from itertools import islice

import numpy as np

from evonas.paths import shipped_data
from evonas.scoring.surrogate import load_surrogate
from evonas.space import load_space
from scripts.build.boards_spaces import Scales, _random, walk

NANO = load_space("nano")


def test_random_sub_spaces_are_parts_of_the_whole():
    rng = np.random.default_rng(0)
    for space in islice(_random(NANO, rng), 50):
        genotypes = space.sample(5, rng)
        for genotype, theirs in zip(genotypes, space.translate(genotypes, NANO), strict=True):
            assert space.decode(genotype) == NANO.decode(theirs)


def test_a_walk_weighs_spaces_of_the_right_size_by_the_surrogate(monkeypatch):
    monkeypatch.setattr("scripts.build.boards_spaces._STEPS", 3)
    shipped = shipped_data()
    surrogate = load_surrogate(shipped / "surrogates" / "nano.npz", NANO)
    scales = Scales(NANO, surrogate, [shipped / "truth" / "nano-v6.h5"])
    femto = scales(load_space("femto"))
    assert femto.size == load_space("femto").size
    assert 0 < femto.main_effects < 1
    residual = femto.std * (1 - femto.main_effects) ** 0.5
    assert abs(femto.residual - residual) < 0.01 * femto.std
    assert 25 < femto.seconds < 100
    found = walk(scales, np.random.default_rng(0))
    assert 512 <= found.size <= 1024
    assert found == walk(scales, np.random.default_rng(0))
