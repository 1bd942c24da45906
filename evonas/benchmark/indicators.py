"""Hypervolume and IGD+ in normalised objectives: minimised, ideal 0, nadir 1."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats

# The reference point lies a tenth beyond the nadir, so that a front's ends count.
REFERENCE = 1.1
# With more objectives the exact volume takes seconds; the approximation is deterministic.
EXACT_UP_TO = 5
_SAMPLES = 20_000


def volume(points: Floats) -> float:
    """Returns the hypervolume of (n, m) normalised points.

    Exact for up to five objectives, beyond by moocore's deterministic `Rphi-FWE+` sampling.

    >>> round(volume(np.array([[0.0, 1.0], [1.0, 0.0]])), 3)
    0.21
    """
    import moocore

    points = points[(points < REFERENCE).all(axis=1)]
    if not len(points):
        return 0.0
    reference = np.full(points.shape[1], REFERENCE)
    if points.shape[1] <= EXACT_UP_TO:
        return float(moocore.hypervolume(points, ref=reference))
    points = points[moocore.is_nondominated(points)]
    return float(moocore.hv_approx(points, ref=reference, nsamples=_SAMPLES))


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
