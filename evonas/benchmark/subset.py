"""A part of a front that stands for the whole."""

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats


def spread_rows(points: Floats, count: int) -> NDArray[np.intp]:
    """Returns rows, in order, of up to `count` points that lie far from each other.

    The best and the worst of each objective first, then always the point that is farthest from all
    chosen.

    Args:
        points: (n, m) normalised.
        count: At least 2 m.

    >>> spread_rows(np.array([[0, 1], [0.5, 0.5], [0.6, 0.45], [1, 0]]), 3).tolist()
    [0, 1, 3]
    """
    if len(points) <= count:
        return np.arange(len(points))
    ends = [*points.argmin(axis=0).tolist(), *points.argmax(axis=0).tolist()]
    chosen = list(dict.fromkeys(ends))
    nearest = np.full(len(points), np.inf)
    for row in chosen:
        nearest = np.minimum(nearest, _squared(points, row))
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _squared(points, chosen[-1]))
    return np.sort(np.array(chosen))


def _squared(points: Floats, row: int) -> Floats:
    distances: Floats = np.square(points - points[row]).sum(axis=1)
    return distances
