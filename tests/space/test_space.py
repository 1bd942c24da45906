from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.errors import ConfigurationError, GenotypeError
from evonas.space import SearchSpace, list_spaces, load_space, whole_space

SPACES = list_spaces()
SMALL = ["pico", "nano", "nano-ibn", "mobiledet", "mobiledet@cpu", "mobiledet-ibn+fused@gpu"]


def raw(space: SearchSpace, n: int, seed: int) -> np.ndarray:
    """Any valid genotypes, canonical or not."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, space.gene_sizes, (n, space.n_genes)).astype(np.uint8)


@pytest.mark.parametrize("name", SPACES)
def test_samples_are_canonical_and_survive_the_id(name):
    space = load_space(name)
    genotypes = space.sample(200, np.random.default_rng(0))
    assert (space.canonical(genotypes) == genotypes).all()
    assert (space.genotypes(space.arch_ids(genotypes)) == genotypes).all()


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(SMALL), seed=st.integers(0, 2**32 - 1))
def test_decode_and_encode_agree_with_the_canonical_form(name, seed):
    space = load_space(name)
    genotypes = raw(space, 3, seed)
    canonical = space.canonical(genotypes)
    assert (space.canonical(canonical) == canonical).all()
    for genotype, expected in zip(genotypes, canonical, strict=True):
        architecture = space.decode(genotype)
        assert (space.encode(architecture) == expected).all()
        assert space.decode(space.encode(architecture)) == architecture


@pytest.mark.parametrize("name", ["pico", "mobiledet@gpu"])
def test_one_network_has_one_genotype(name):
    # Two genotypes are one network exactly if their layers have the same convolutions.
    space = load_space(name)
    genotypes = raw(space, 2000, 1)
    ids = space.arch_ids(genotypes)
    networks = []
    for genotype in genotypes:
        layers = space.decode(genotype).layers()
        networks.append(tuple((layer.block, layer.convs()) for layer in layers))
    assert len(set(ids)) == len(set(networks))


def test_size_counts_the_distinct_genotypes():
    space = load_space("pico")
    every = np.stack(np.meshgrid(*[np.arange(n) for n in space.gene_sizes]), -1)
    distinct = np.unique(space.canonical(every.reshape(-1, space.n_genes)), axis=0)
    assert len(distinct) == space.size


def test_size_counts_collapsing_tucker_ranks():
    # Block 1 of 8 channels: two of the four Tucker output ranks are the same.
    space = load_space("mobiledet")
    assert space.size < load_space("mobiledet@edgetpu").size + 1
    assert np.log10(float(space.size)) == pytest.approx(30.35, abs=0.01)


def test_nano_is_large_and_pico_is_small():
    assert load_space("nano").size >= 10**9
    assert 14_000 <= load_space("pico").size <= 17_000


def test_femto_is_small_enough_to_train_every_network():
    femto = load_space("femto")
    assert 512 <= femto.size <= 1024
    every = np.stack(np.meshgrid(*[np.arange(n) for n in femto.gene_sizes]), -1)
    every = np.unique(femto.canonical(every.reshape(-1, femto.n_genes)), axis=0)
    assert len(every) == femto.size
    nano = load_space("nano")
    assert len(set(nano.arch_ids(femto.translate(every, nano)))) == femto.size
    assert np.median(femto.costs(every)["madds"]) < 12e6


@pytest.mark.parametrize("name", ["pico", "femto"])
def test_translated_genotypes_are_the_same_network(name):
    part, nano = load_space(name), load_space("nano")
    assert whole_space(name) == "nano"
    genotypes = part.sample(100, np.random.default_rng(2))
    translated = part.translate(genotypes, nano)
    for ours, theirs in zip(genotypes, translated, strict=True):
        assert part.decode(ours) == nano.decode(theirs)
    with pytest.raises(GenotypeError, match=f"{name} does not contain nano"):
        nano.translate(translated, part)


def test_samples_reach_every_depth_and_op():
    space = load_space("nano")
    genotypes = space.sample(3000, np.random.default_rng(3))
    for column, size in enumerate(space.gene_sizes):
        assert len(np.unique(genotypes[:, column])) == size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g[:, :-1], r"takes \(n, 15\)"),
        (lambda g: g + 0.5, "gene 'stem.width' is 0.5, which is not a whole number"),
        (lambda g: g + np.nan, "gene 'stem.width' is nan, which is not a whole number"),
        (lambda g: g.astype(float) - 1, "gene 'stem.width' is -1"),
        (lambda g: g.astype(str), "genotypes of type <U.*: whole numbers are allowed"),
        (lambda g: g + 100, "gene 'stem.width' is 100, allowed are 0 to 1"),
        (lambda g: g.astype(int) - 1, "gene 'stem.width' is -1"),
        (lambda g: g[0], "of shape"),
    ],
)
def test_invalid_genotypes_are_refused_by_name(change, message):
    space = load_space("nano")
    with pytest.raises(GenotypeError, match=message):
        space.canonical(change(np.zeros((1, space.n_genes), np.uint8)))


@pytest.mark.parametrize("name", SMALL)
def test_floats_that_hold_whole_numbers_are_genotypes(name):
    space = load_space(name)
    genotypes = space.sample(50, np.random.default_rng(4))
    for dtype in (np.float32, np.float64):
        checked = space.check(genotypes.astype(dtype))
        assert checked.dtype == np.uint8
        np.testing.assert_array_equal(checked, genotypes)
        assert space.arch_ids(genotypes.astype(dtype)) == space.arch_ids(genotypes)


@pytest.mark.parametrize(
    ("arch_id", "message"),
    [
        ("pico:0000000", "does not belong to the space 'nano'"),
        ("nano:00", "must be 15 characters"),
        ("nano:00000000000000!", "must be 15 characters"),
        ("nano:zzzzzzzzzzzzzzz", "gene 'stem.width' is 35"),
    ],
)
def test_invalid_ids_are_refused(arch_id, message):
    with pytest.raises(GenotypeError, match=message):
        load_space("nano").genotypes([arch_id])


def test_unknown_space_names_the_known_ones():
    with pytest.raises(ConfigurationError, match="unknown space 'micro'; known: femto, mobiledet"):
        load_space("micro")


def test_fingerprints_tell_definitions_apart_not_names():
    assert load_space("mobiledet").fingerprint == load_space("mobiledet@edgetpu").fingerprint
    others = {load_space(name).fingerprint for name in SPACES}
    assert len(others) == len(SPACES) - 6  # what the edgetpu rules leave as it is


@pytest.mark.parametrize(("name", "middle"), [("nano", 2), ("mobiledet", 3)])
def test_regular_convolutions_stand_in_one_half_of_the_blocks(name, middle):
    whole = load_space(name)
    for half, regular in (("early", range(middle)), ("late", range(middle, len(whole.blocks)))):
        space = load_space(f"{name}-{half}")
        genotypes = space.sample(200, np.random.default_rng(5))
        found = {
            number
            for genotype in genotypes
            for number, block in enumerate(space.decode(genotype).blocks)
            if any(op.kind in ("fused", "tucker") for op in block.ops)
        }
        assert found == set(regular)
        np.testing.assert_array_equal(
            whole.costs(space.translate(genotypes, whole))["madds"], space.costs(genotypes)["madds"]
        )


def test_a_seed_draws_what_its_generator_draws():
    space = load_space("nano")
    assert (space.sample(5, 3) == space.sample(5, np.random.default_rng(3))).all()


def _first(space: SearchSpace, **change: object) -> SearchSpace:
    return replace(space, blocks=(replace(space.blocks[0], **change), *space.blocks[1:]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: _first(s, widths=(-8,)), "nano: block 1: width is -8; a whole number from 1 to"),
        (lambda s: _first(s, widths=(8.0,)), "block 1: widths .*type int"),
        (lambda s: _first(s, widths=()), "block 1: widths .* 1 to 36 different ones"),
        (lambda s: _first(s, widths=(8, 8)), "block 1: widths .*different"),
        (lambda s: _first(s, depth=0), "block 1: depth is 0; a whole number from 1 to 12"),
        (lambda s: _first(s, first=()), "block 1: first .*type Op"),
        (lambda s: _first(s, depth=2, further=()), "block 1: further .* 1 to 35 different"),
        (lambda s: replace(s, stems=()), "stem: widths"),
        (lambda s: replace(s, blocks=()), "0 blocks and"),
        (lambda s: replace(s, blocks=s.blocks[:2]), "2 blocks and"),
        (lambda s: replace(s, name=None), "space name None"),
        (lambda s: replace(s, name="My Space"), "space name 'My Space': lower-case letters"),
    ],
)
def test_a_space_made_in_python_is_checked(
    make: Callable[[SearchSpace], SearchSpace], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make(load_space("nano"))


def test_what_is_no_genotype_or_architecture_is_told() -> None:
    pico = load_space("pico")
    with pytest.raises(GenotypeError, match="no matrix of whole numbers"):
        pico.decode([[1, 2], [3]])
    with pytest.raises(GenotypeError, match="None: an Architecture is expected"):
        pico.encode(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", ["x", None, -1, 1.5, True])
def test_a_sample_is_of_a_generator_or_a_seed(seed: object) -> None:
    with pytest.raises(ConfigurationError, match=r"rng is .*; a whole number of at least 0"):
        load_space("pico").sample(3, seed)  # type: ignore[arg-type]
