import numpy as np
import pytest

from evonas.errors import ConfigurationError, DataError
from evonas.space import load_space
from evonas.table import kind_gains, kind_shares, kinds_of
from evonas.table.choices import KINDS, SKIPPED, layer_positions
from evonas.table.gene_conditions import gene_conditions, meets

SPACE = load_space("nano")
GENOTYPES = np.unique(SPACE.sample(800, np.random.default_rng(0)), axis=0)
KIND = kinds_of(SPACE, GENOTYPES)


def test_kinds_are_those_of_the_decoded_networks():
    places = layer_positions(SPACE)
    for genotype, kinds in zip(GENOTYPES[:50], KIND, strict=False):
        blocks = SPACE.decode(genotype).blocks
        for place, kind in zip(places, kinds, strict=True):
            layer = int(place.name.partition(".l")[2]) - 1
            ops = blocks[place.block - 1].ops
            assert KINDS[kind] == (ops[layer].kind if layer < len(ops) else SKIPPED)
            assert kind in place.possible


@pytest.mark.parametrize("by_block", [False, True])
def test_shares_of_a_place_add_up_to_one(by_block):
    rows = np.arange(17)
    shares = kind_shares(SPACE, KIND, rows, by_block)
    assert np.allclose(np.nansum(shares.among, axis=1), 1)
    assert np.allclose(np.nansum(shares.all, axis=1), 1)
    assert (shares.n_among, shares.n_all) == (17, len(GENOTYPES))


def test_a_share_is_that_of_the_rows():
    fused = KINDS.index("fused")
    rows = np.flatnonzero(KIND[:, 0] == fused)
    shares = kind_shares(SPACE, KIND, rows)
    assert shares.among[0, fused] == 1
    assert shares.all[0, fused] == pytest.approx(len(rows) / len(KIND))
    assert np.isnan(shares.among[0, KINDS.index(SKIPPED)])  # block 1 cannot be skipped


def test_what_a_choice_buys_at_equal_price_is_found_and_its_price_taken_off():
    rng = np.random.default_rng(1)
    price = rng.uniform(1, 2, len(KIND))
    fused = KIND[:, 0] == KINDS.index("fused")
    dearer = price + fused  # fused is slower, and better beyond what its price explains
    values = 0.1 * dearer + 0.05 * fused
    gains = kind_gains(SPACE, KIND, values, dearer)
    plain = kind_gains(SPACE, KIND, 0.1 * dearer, dearer)
    first = gains.mean[0]
    assert first[KINDS.index("fused")] > 0 > first[KINDS.index("ibn")]
    assert np.nanmax(np.abs(plain.mean)) < 0.003
    assert gains.n[0].sum() == len(KIND)


def test_few_rows_are_refused():
    with pytest.raises(DataError, match="at least 60"):
        kind_gains(SPACE, KIND[:20], np.arange(20.0), np.arange(20.0))


def test_conditions_on_one_place_are_alternatives_and_of_several_places_all_hold():
    fused, ibn, skipped = (KINDS.index(kind) for kind in ("fused", "ibn", SKIPPED))
    expected = np.isin(KIND[:, 0], [fused, ibn]) & (KIND[:, 1:4] == skipped).any(axis=1)
    words = ["fused in block 1", "ibn in block 1", "skipped in block 2"]
    assert (meets(SPACE, GENOTYPES, words) == expected).all()
    width = GENOTYPES[:, list(SPACE.gene_names).index("b2.width")]
    assert (meets(SPACE, GENOTYPES, ["b2.width is 24"]) == (width == 1)).all()
    assert meets(SPACE, GENOTYPES, []).all()


def test_every_condition_is_met_by_some_and_an_unknown_one_is_refused():
    for words in gene_conditions(SPACE):
        assert meets(SPACE, GENOTYPES, [words]).any(), words
    with pytest.raises(ConfigurationError, match="no condition on nano"):
        meets(SPACE, GENOTYPES, ["fused in block 9"])
