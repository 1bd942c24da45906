"""Figures of difficulty on made-up values whose answer is known."""

import numpy as np
import pytest

from evonas.benchmark.difficulty import (
    effects,
    explained,
    front_share,
    local_optima,
    neighbour_rows,
)
from evonas.errors import DataError
from evonas.space import load_space

PICO = load_space("pico")


def _all(rng):
    grid = np.stack(np.meshgrid(*map(np.arange, PICO.gene_sizes)), -1).reshape(-1, PICO.n_genes)
    every = np.unique(PICO.canonical(grid), axis=0)
    return every[np.sort(rng.permutation(len(every))[:800])]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def _additive(genotypes, rng):
    value = np.zeros(len(genotypes))
    for genes in genotypes.T:
        value += rng.normal(size=10)[genes]
    return value / value.std()


def test_an_additive_space_is_explained_whole_once_the_noise_is_taken_out(rng):
    genotypes = _all(rng)
    value = _additive(genotypes, rng)
    assert explained(genotypes, value[:, None]).share == pytest.approx(1, abs=1e-9)
    runs = value[:, None] + rng.normal(size=(len(value), 3)) * 0.5
    runs[300:, 1:] = np.nan
    found = explained(genotypes, runs)
    assert found.share == pytest.approx(1, abs=0.04)
    assert found.residual_std < 0.2
    unknown = explained(genotypes, runs[:, :1])  # one seed: nothing tells noise from interaction
    assert unknown.share == pytest.approx(0.8, abs=0.04)
    assert unknown.residual_std == pytest.approx(0.5, abs=0.03)


def test_pairs_explain_an_interaction_that_main_effects_leave(rng):
    genotypes = _all(rng)
    value = _additive(genotypes, rng)
    a, b = (genotypes[:, 1] > 1), (genotypes[:, 3] > 1)
    value += np.where(a == b, 1.0, -1.0)
    main, pairs = (explained(genotypes, value[:, None], order) for order in (1, 2))
    assert main.share == pytest.approx(0.5, abs=0.06)
    assert main.residual_std == pytest.approx(1, abs=0.06)
    assert pairs.share == pytest.approx(1, abs=1e-9)
    assert pairs.parameters == np.linalg.matrix_rank(effects(genotypes, 2)) > main.parameters


def test_too_few_networks_are_refused(rng):
    genotypes = _all(rng)[:12]
    with pytest.raises(DataError, match=r"12 networks for \d+ effects: at least \d+ are required"):
        explained(genotypes, np.ones((12, 1)))


def test_neighbours_are_one_choice_apart_also_where_a_layer_is_skipped():
    femto = load_space("femto")
    networks = np.unique(femto.sample(20_000, np.random.default_rng(3)), axis=0)
    assert len(networks) == femto.size
    near = neighbour_rows(femto, networks)
    for row in (0, 100, 575):
        expected = set()
        for gene, size in enumerate(femto.gene_sizes):
            for value in range(size):
                changed = networks[row].copy()
                changed[gene] = value
                expected.add(femto.canonical(changed[None])[0].tobytes())
        found = {networks[other].tobytes() for other in near[row]}
        assert found == expected - {networks[row].tobytes()}
        assert all(row in near[other] for other in near[row])  # it goes both ways


def test_prominence_is_the_climb_down_to_a_better_network():
    # Two genes of three choices each: a hill of 9 in one corner, one of 5 in the opposite one,
    # and the way between them leads over 2 at best.
    genotypes = np.zeros((9, PICO.n_genes), np.uint8)
    genotypes[:, [1, 3]] = [(i, j) for i in range(3) for j in range(3)]
    values = np.array([9.0, 1, 0, 2, 1, 0.5, 2, 3, 5])
    rows, prominence = local_optima(PICO, genotypes, values)
    assert rows.tolist() == [0, 8]
    assert prominence.tolist() == [9, 3]
    rows, _ = local_optima(PICO, genotypes, np.zeros(9))  # a plain has one top
    assert rows.tolist() == [0]


def test_front_share_counts_what_nothing_beats():
    assert front_share(np.array([1.0, 2, 3, 1]), np.array([1.0, 2, 3, 4])) == 0.75
