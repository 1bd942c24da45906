import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.search.operators import cross, move_tables, moves, mutate
from evonas.space import Op, list_spaces, load_space

SPACES = list_spaces()


@pytest.mark.parametrize("name", SPACES)
def test_every_value_of_a_gene_can_be_reached_from_every_other(name: str) -> None:
    space = load_space(name)
    for slot in space.genes:
        n = len(slot.choices)
        step = np.eye(n, dtype=int)
        for value in range(n):
            for move in moves(slot.choices, value):
                step[value, move] = 1
        assert (np.linalg.matrix_power(step, n) > 0).all(), slot.name


@pytest.mark.parametrize("name", SPACES)
def test_move_tables_are_distributions_over_other_values(name: str) -> None:
    space = load_space(name)
    tables = move_tables(space)
    for gene, size in enumerate(space.gene_sizes):
        chances = np.diff(tables[gene, :size, :size], prepend=0.0)
        assert (chances >= 0).all()
        np.testing.assert_allclose(chances.sum(axis=1), 1)
        np.testing.assert_allclose(np.diag(chances), 0, atol=1e-12)


def test_a_width_moves_to_its_neighbours_only() -> None:
    assert moves((16, 24, 32, 40), 0) == [[1]]
    assert moves((16, 24, 32, 40), 2) == [[1, 3]]


def test_an_op_changes_one_thing() -> None:
    ibn = [Op("ibn", 3, 4), Op("ibn", 3, 8), Op("ibn", 5, 4), Op("ibn", 5, 8)]
    fused = [Op("fused", 3, 4), Op("fused", 3, 8)]
    assert moves((None, *ibn, *fused), 2) == [[6], [4], [1], [0]]
    assert moves((None, *ibn, *fused), 0) == [[1, 2, 3, 4, 5, 6]]


@settings(deadline=None)  # the first call builds the tables of a space
@given(st.sampled_from(SPACES), st.integers(0, 2**32 - 1))
def test_mutants_and_children_are_canonical_members(name: str, seed: int) -> None:
    space, rng = load_space(name), np.random.default_rng(seed)
    parents = space.sample(8, rng)
    mutants = mutate(space, parents, rng)
    daughters, sons = cross(space, parents[:4], parents[4:], rng)
    for rows in (mutants, daughters, sons):
        np.testing.assert_array_equal(space.canonical(rows), rows)


def test_children_inherit_from_their_parents() -> None:
    space, rng = load_space("nano-ibn"), np.random.default_rng(0)
    # Full depth and no alias: canonical form moves nothing, so genes stay in place.
    full = space.sample(4000, rng)
    full = full[(full[:, [s.layer > 1 for s in space.genes]] > 0).all(axis=1)]
    mothers, fathers = full[:20], full[20:40]
    daughters, sons = cross(space, mothers, fathers, rng)
    same = (daughters == mothers) & (sons == fathers)
    swapped = (daughters == fathers) & (sons == mothers)
    assert (same | swapped).all()
    assert 0.2 < same.mean() < 0.95


def test_mutation_changes_most_genotypes_a_little() -> None:
    space, rng = load_space("nano"), np.random.default_rng(0)
    parents = space.sample(500, rng)
    changed = (mutate(space, parents, rng) != parents).sum(axis=1)
    assert (changed > 0).mean() > 0.85
    assert np.median(changed) <= 2
