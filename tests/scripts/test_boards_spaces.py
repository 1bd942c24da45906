"""Random sub-spaces are parts of the whole, and a walk ends in a better one."""

from itertools import islice

import numpy as np
from scipy.stats import kendalltau

from evonas.paths import shipped_data
from evonas.ranking.truth import load_truth
from evonas.space import load_space
from evonas.table import open_table
from scripts.build.boards_spaces import Scales, _random, on_digits, on_other_data, walk

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
    scales = Scales(NANO, on_digits(NANO), [shipped / "truth" / "nano-v6.h5"])
    femto = scales(load_space("femto"))
    assert femto.size == load_space("femto").size
    assert 0 < femto.main_effects < 1
    residual = femto.std * (1 - femto.main_effects) ** 0.5
    assert abs(femto.residual - residual) < 0.01 * femto.std
    assert 25 < femto.seconds < 100
    found = walk(scales, np.random.default_rng(0))
    assert 512 <= found.size <= 1024
    assert found == walk(scales, np.random.default_rng(0))


def test_ap_on_other_data_is_learnt_from_networks_of_the_whole_and_of_its_parts():
    truth = shipped_data() / "truth"
    tables = [next(truth.glob(name)) for name in ("boards-nano-v*.h5", "boards-v*.h5")]
    predict, errors = on_other_data(NANO, tables)
    nano, femto = (
        load_truth(open_table(table), space)
        for table, space in zip(tables, (NANO, load_space("femto")), strict=True)
    )
    assert errors.startswith(f"{len(nano) + len(femto)} networks, with AP on digits: tau 0.")
    for part in (nano, femto):
        predicted = predict(part.space.translate(part.genotypes, NANO))
        assert kendalltau(part.ap, predicted)[0] > 0.8
        assert abs(predicted - part.ap).mean() < 0.02
