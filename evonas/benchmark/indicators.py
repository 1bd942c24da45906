"""Hypervolume and IGD+ in normalised objectives: minimised, ideal 0, nadir 1."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats

# The reference point lies a tenth beyond the nadir, so that a front's ends count.
REFERENCE = 1.1
# Up to so many objectives a set's volume is computed at once; with more, point by point, as a
# point's own share is quick: 0.1 s for 526 points of eight objectives, which take 45 s at once.
_AT_ONCE_UP_TO = 5


def volume(points: Floats) -> float:
    """Returns the exact hypervolume of (n, m) normalised points.

    >>> round(volume(np.array([[0.0, 1.0], [1.0, 0.0]])), 3)
    0.21
    """
    import moocore

    points = points[(points < REFERENCE).all(axis=1)]
    if not len(points):
        return 0.0
    if points.shape[1] <= _AT_ONCE_UP_TO:
        return float(moocore.hypervolume(points, ref=np.full(points.shape[1], REFERENCE)))
    points = points[moocore.is_nondominated(points)]
    return float(gains(points[np.argsort(points[:, 0])]).sum())


def gains(points: Floats) -> Floats:
    """Returns (n,) the hypervolume that each of (n, m) normalised points adds to those before it.

    Their running sum is the exact hypervolume after each point.

    >>> gains(np.array([[0.5, 0.5], [0.6, 0.6], [0.0, 1.0]])).round(3).tolist()
    [0.36, 0.0, 0.05]
    """
    import moocore

    reference = np.full(points.shape[1], REFERENCE)
    gained = np.zeros(len(points))
    front = np.empty((0, points.shape[1]))
    for row in np.flatnonzero((points < REFERENCE).all(axis=1)):
        point = points[row]
        if (front <= point).all(axis=1).any():
            continue
        gained[row] = np.prod(reference - point)
        if len(front):
            # What the point dominates is dominated already where one of these dominates it.
            shared = np.maximum(front, point)
            shared = shared[moocore.is_nondominated(shared)]
            gained[row] -= moocore.hypervolume(shared, ref=reference)
        front = np.concatenate([front[~(point <= front).all(axis=1)], point[None]])
    return np.maximum(gained, 0.0)


def distance(points: Floats, front: Floats) -> float:
    """Returns IGD+ of (n, m) normalised points from a front (k, m); infinite without points."""
    import moocore

    return float(moocore.igd_plus(points, ref=front)) if len(points) else float("inf")


def fronts_over_time(
    points: Floats, feasible: NDArray[np.bool_], at: Sequence[int]
) -> list[Floats]:
    """Returns the front of the first n feasible points for each n.

    Args:
        points: (n, m) normalised, in the order of their evaluation.
        feasible: (n,).
        at: Increasing numbers of evaluations.
    """
    import moocore

    front, begin, fronts = np.empty((0, points.shape[1])), 0, []
    for end in at:
        fresh = points[begin:end][feasible[begin:end]]
        front, begin = np.concatenate([front, fresh]), end
        if len(front):
            front = front[moocore.is_nondominated(front)]
        fronts.append(front)
    return fronts
