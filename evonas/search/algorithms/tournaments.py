"""Tournaments of two on whole matrices of pairs, with the run's own randomness."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats

Pairs = NDArray[np.intp]


def by_dominance(
    pop: Any, pairs: Pairs, *_: Any, random_state: np.random.Generator, **__: Any
) -> Pairs:
    """Returns (n, 1) winners of pairs (n, 2) as NSGA-II has it.

    The smaller violation wins, of feasible ones who dominates, then the less crowded, then chance.
    """
    values, violation = pop.get("F").astype(np.float64), pop.get("CV")[:, 0]
    crowding = pop.get("crowding").astype(np.float64)
    first, second = values[pairs[:, 0]], values[pairs[:, 1]]
    ahead = (first <= second).all(axis=1) & (first < second).any(axis=1)
    behind = (first >= second).all(axis=1) & (first > second).any(axis=1)
    roomier = _order(crowding[pairs[:, 1]], crowding[pairs[:, 0]])
    feasible = np.where(ahead | behind, np.where(ahead, -1, 1), roomier)
    return _winners(pairs, violation, feasible, random_state)


def by_violation(
    pop: Any, pairs: Pairs, *_: Any, random_state: np.random.Generator, **__: Any
) -> Pairs:
    """Returns (n, 1) winners as NSGA-III has it: the smaller violation, or chance.

    (That of pymoo 0.6.2 breaks ties of violations with a generator of its own.)
    """
    feasible = np.zeros(len(pairs), int)
    return _winners(pairs, pop.get("CV")[:, 0], feasible, random_state)


def one_by_chance(
    pop: Any, pairs: Pairs, *_: Any, random_state: np.random.Generator, **__: Any
) -> Pairs:
    """Returns (n, 1) winners: a couple's first as `by_dominance`, its second as `by_violation`.

    Couples follow each other in the pairs, as pymoo's selection of two parents asks for them.
    """
    chosen = by_dominance(pop, pairs, random_state=random_state)
    chosen[1::2] = by_violation(pop, pairs[1::2], random_state=random_state)
    return chosen


def _winners(
    pairs: Pairs, violation: Floats, feasible: NDArray[Any], rng: np.random.Generator
) -> Pairs:
    """`feasible` says who wins among the feasible: -1 the first, 1 the second, 0 undecided."""
    theirs = violation[pairs]
    order = np.where((theirs > 0).any(axis=1), _order(theirs[:, 0], theirs[:, 1]), feasible)
    chance = rng.integers(2, size=len(pairs))
    second = np.where(order == 0, chance, order > 0).astype(int)
    chosen: Pairs = pairs[np.arange(len(pairs)), second][:, None]
    return chosen


def _order(a: Floats, b: Floats) -> NDArray[Any]:
    """Returns (n,) 1 where a is larger, -1 where b is, 0 where they are equal, infinite or not."""
    return (a > b).astype(int) - (a < b)
