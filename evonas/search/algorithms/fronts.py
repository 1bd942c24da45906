"""The front of what a run has evaluated."""

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats


def feasible_front(values: Floats, violation: Floats) -> NDArray[np.intp]:
    """Returns the rows of the front of minimised values (n, m).

    Where nothing is feasible, the least violating rows.
    """
    import moocore

    rows = np.flatnonzero(violation == violation.min())
    front: NDArray[np.intp] = rows[moocore.is_nondominated(values[rows])]
    return front


def best_rows(values: Floats, count: int) -> NDArray[np.intp]:
    """Returns up to `count` rows of (n, m): by rank of their front, then by crowding in it."""
    import moocore
    from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance

    if len(values) <= count:
        return np.arange(len(values))
    ranks = moocore.pareto_rank(values)
    crowding = np.zeros(len(values))
    last = np.partition(ranks, count - 1)[count - 1]
    for rank in range(last + 1):  # what lies beyond is not chosen, however roomy
        rows = ranks == rank
        crowding[rows] = calc_crowding_distance(values[rows])
    return np.lexsort((-crowding, ranks))[:count]


def improving(candidates: Floats, front: Floats, count: int) -> NDArray[np.intp]:
    """Chooses up to `count` candidates (n, m), each adding most to the front (k, m) and the chosen.

    What counts is hypervolume for up to four objectives, with more of them distance. Values are
    scaled so that the front lies between 0 and 1.
    """
    chosen: list[int] = []
    gain = _added_volume if front.shape[1] <= _VOLUME_UP_TO else _distance
    gains = np.array([gain(row, front) for row in candidates])
    for _ in range(min(count, len(candidates))):
        # Gains only shrink as more is chosen: a gain computed anew that still leads is the best.
        fresh: set[int] = set()
        while (best := int(gains.argmax())) not in fresh:
            gains[best] = gain(candidates[best], front)
            fresh.add(best)
        chosen.append(best)
        front = np.concatenate([front, candidates[best : best + 1]])
        gains[best] = -np.inf
    return np.array(chosen, np.intp)


_VOLUME_UP_TO = 4
# Beyond the front's ends there is still something to win.
_CORNER = 1.2


def _added_volume(point: Floats, front: Floats) -> float:
    """Returns what a point adds to the hypervolume, or minus its distance beyond the corner."""
    import moocore

    if (point >= _CORNER).any():
        return -float(np.maximum(point - _CORNER, 0).sum()) - 1e-9
    reference = np.full(len(point), _CORNER)
    # What the front leaves of the point's own box.
    within = np.maximum(front, point)
    own = float(np.prod(_CORNER - point))
    taken = float(moocore.hypervolume(within[(within < _CORNER).all(axis=1)], ref=reference))
    return own - taken


def _distance(point: Floats, front: Floats) -> float:
    """Returns by how much, at least, a point is better than each of the front in some objective."""
    return float((front - point).max(axis=1).min())
