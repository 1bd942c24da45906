import numpy as np
import pytest
from pymoo.core.population import Population

from evonas.search.algorithms.tournaments import by_dominance, by_violation, one_by_chance

BETTER, WORSE, ROOMIER, INFEASIBLE = range(4)


def members() -> Population:
    """The second is dominated by the first; the third by none, with more room than the first."""
    population = Population.new("F", np.array([[1.0, 2.0], [2.0, 2.0], [2.0, 1.0], [0.0, 0.0]]))
    population.set("CV", np.array([[0.0], [0.0], [0.0], [1.0]]))
    population.set("crowding", np.array([0.1, 9.0, 0.5, np.inf]))
    return population


def winners(tournament, first, second, n=200):
    pairs = np.tile([[first, second], [second, first]], (n // 2, 1))
    rng = np.random.default_rng(0)
    chosen = tournament(members(), pairs, random_state=rng)
    assert chosen.shape == (n, 1)
    return chosen[:, 0]


def test_by_dominance_prefers_feasible_then_better_then_roomier():
    assert set(winners(by_dominance, BETTER, INFEASIBLE)) == {BETTER}
    assert set(winners(by_dominance, BETTER, WORSE)) == {BETTER}
    assert set(winners(by_dominance, BETTER, ROOMIER)) == {ROOMIER}
    assert set(winners(by_dominance, WORSE, WORSE)) == {WORSE}


def test_by_violation_leaves_the_feasible_to_chance():
    assert set(winners(by_violation, WORSE, INFEASIBLE)) == {WORSE}
    share = (winners(by_violation, BETTER, WORSE) == BETTER).mean()
    assert share == pytest.approx(0.5, abs=0.1)


def test_one_by_chance_decides_every_other_pair():
    chosen = winners(one_by_chance, BETTER, WORSE)
    assert set(chosen[::2]) == {BETTER}
    assert (chosen[1::2] == BETTER).mean() == pytest.approx(0.5, abs=0.15)
    assert set(winners(one_by_chance, WORSE, INFEASIBLE)) == {WORSE}
