"""Objectives, Pareto fronts and hypervolume.

Values are always in the objective's own direction; the sign is turned only at the border to
moocore (here) and pymoo (`evonas.search`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import ConfigurationError, unknown_name


@dataclass(frozen=True, slots=True)
class Objective:
    """One column of a table to be minimised or maximised."""

    name: str
    unit: str
    maximise: bool


# AP of the smallest, middle and largest third of the objects of a data set's validation images.
BY_SIZE = ("map_small", "map_medium", "map_large")

# Objectives by exact name; `latency:DEVICE` (predicted), `latency_upper:DEVICE` (with a margin) and
# `measured:DEVICE` are made on demand.
_FIXED = {
    objective.name: objective
    for objective in (
        Objective("map", "AP", maximise=True),
        Objective("map50", "AP", maximise=True),
        *(Objective(name, "AP", maximise=True) for name in BY_SIZE),
        Objective("trained_map", "AP", maximise=True),
        Objective("madds", "MAdds", maximise=False),
        Objective("params", "parameters", maximise=False),
        Objective("peak_memory", "bytes", maximise=False),
        Objective("flash", "bytes", maximise=False),
    )
}
_PER_DEVICE = re.compile(r"(latency|latency_upper|measured):[a-z0-9][a-z0-9-]*")


def load_objective(name: str) -> Objective:
    """Returns the objective of that column name.

    Raises:
        ConfigurationError: The name is no objective.

    >>> load_objective("latency:cpu-xnnpack").unit
    'ms'
    """
    if _PER_DEVICE.fullmatch(name):
        return Objective(name, "ms", maximise=False)
    if name not in _FIXED:
        raise unknown_name("objective", name, [*_FIXED, "latency:DEVICE", "measured:DEVICE"])
    return _FIXED[name]


def need_sizes(names: Iterable[str]) -> bool:
    """Returns whether AP by the size of objects is among the columns."""
    return not {*BY_SIZE}.isdisjoint(names)


def pareto_mask(values: Floats, objectives: Sequence[Objective]) -> NDArray[np.bool_]:
    """Marks the non-dominated rows; of equal rows the first one is marked.

    Args:
        values: (n, n_objectives), each in its objective's own direction. Rows with a NaN are
            never on the front.
        objectives: One per column.

    Returns:
        (n,) bool.

    >>> accuracy_latency = np.array([[0.3, 2.0], [0.2, 1.0], [0.2, 3.0]])
    >>> pareto_mask(accuracy_latency, [load_objective("map"), load_objective("latency:d")]).tolist()
    [True, True, False]
    """
    import moocore

    maximise = np.array([objective.maximise for objective in objectives])
    mask = np.zeros(len(values), bool)
    rows = np.flatnonzero(np.isfinite(values).all(axis=1))
    if len(rows) > _LARGE:
        rows = _promising(values, rows, maximise)
    if len(rows):
        mask[rows] = moocore.is_nondominated(values[rows], maximise=maximise)
    return mask


# From so many rows on, most are cheaper to tell from a few good ones than by moocore's sorting.
_LARGE = 20_000
_SAMPLE, _GOOD = 2000, 16


def _promising(
    values: Floats, rows: NDArray[np.intp], maximise: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Returns the rows that are not worse in every objective than a good row of a sample."""
    import moocore

    sample = values[rows[:: -(-len(rows) // _SAMPLE)]]
    front = sample[moocore.is_nondominated(sample, maximise=maximise)]
    front = front[np.argsort(front[:, 0])]
    kept = []
    for start in range(0, len(rows), _LARGE):
        part = rows[start : start + _LARGE]
        for good in front[:: -(-len(front) // _GOOD)]:
            given = values[part]
            worse = np.ones(len(part), bool)
            for column, best in enumerate(good):
                if maximise[column]:
                    worse &= given[:, column] < best
                else:
                    worse &= given[:, column] > best
            part = part[~worse]
        kept.append(part)
    return np.concatenate(kept)


def hypervolume(values: Floats, objectives: Sequence[Objective], reference: Floats) -> float:
    """Returns the volume that the rows dominate, bounded by the reference point.

    Args:
        values: (n, n_objectives); rows with a NaN count nothing.
        objectives: One per column.
        reference: (n_objectives,), the worst corner, in each objective's own direction.
    """
    import moocore

    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        return 0.0
    directions = np.array([objective.maximise for objective in objectives])
    return float(moocore.hypervolume(values, ref=reference, maximise=directions))


def name_list(names: Iterable[str]) -> list[str]:
    """Returns a list of names.

    Raises:
        ConfigurationError: It is none; a text alone is none either.
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ConfigurationError(f"columns {str(names)[:80]!r}: a list of names is expected")
    listed = list(names)
    for name in listed:
        if not isinstance(name, str):
            raise ConfigurationError(f"column {repr(name)[:80]}: a name is expected")
    return listed
