"""The one normalised hypervolume of searches, tables and the app.

It is the share that a set of networks dominates of the box between two corners which depend on the
space and the objectives alone: what cannot be had (AP 1 at no cost), and the worst (AP 0 at the
cost of the costliest of a fixed random sample of the space). So it is 0 to 1, and searches of one
question are held against each other whatever they found.
"""

from collections.abc import Sequence

import numpy as np

from evonas.arrays import Floats
from evonas.errors import ConfigurationError
from evonas.objectives import Objective, hypervolume
from evonas.scoring.analytic import AnalyticColumns, is_analytic
from evonas.space import SearchSpace

_SAMPLE = 10_000
_MEASURED, _PREDICTED = "measured:", "latency:"


def best_corner(objectives: Sequence[Objective]) -> Floats:
    """Returns (m,) the corner that cannot be had: 1 for an AP, 0 for a cost or latency."""
    return np.array([1.0 if objective.maximise else 0.0 for objective in objectives])


def worst_corner(space: SearchSpace, objectives: Sequence[Objective]) -> Floats:
    """Returns (m,) 0 for an AP, and for a cost or latency the worst of 10,000 random networks.

    A measured latency has the predicted one's.

    Raises:
        ConfigurationError: A cost that only stored networks have, or a device without a predictor.
    """
    costs = {o.name: _computed(o.name) for o in objectives if not o.maximise}
    for name, column in costs.items():
        if not is_analytic(column):
            raise ConfigurationError(
                f"{name!r} cannot be searched for: it is known of stored networks only; use the "
                "predicted latency:DEVICE"
            )
    sample = space.sample(_SAMPLE, np.random.default_rng(0))
    columns = AnalyticColumns(space, costs.values())(sample)
    return np.array([0.0 if o.maximise else columns[costs[o.name]].max() for o in objectives])


def normalised_hypervolume(values: Floats, objectives: Sequence[Objective], worst: Floats) -> float:
    """Returns the share, 0 to 1, of the box that networks dominate.

    Args:
        values: (n, m) in the objectives' own directions; rows with a NaN count nothing.
        objectives: m.
        worst: (m,) see `worst_corner`.

    >>> from evonas.objectives import load_objective
    >>> two = [load_objective("map"), load_objective("latency:d")]
    >>> normalised_hypervolume(np.array([[0.5, 1.0], [0.25, 0.5]]), two, np.array([0.0, 4.0]))
    0.40625
    """
    box = float(np.prod(np.abs(best_corner(objectives) - worst)))
    return hypervolume(values, objectives, worst) / box


def _computed(name: str) -> str:
    measured = name.startswith(_MEASURED)
    return name.replace(_MEASURED, _PREDICTED, 1) if measured else name
