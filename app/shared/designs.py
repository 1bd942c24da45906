"""What can be said of designs without a table."""

import numpy as np
from numpy.typing import NDArray

from evonas.latency import list_predictors, load_predictor
from evonas.latency.memory_limit import feasible_latency
from evonas.space import Genotypes, SearchSpace
from evonas.space.memory import MEMORY


def computed(space: SearchSpace, genotypes: Genotypes) -> dict[str, NDArray[np.float64]]:
    """Returns by name (n,) costs, needs of memory and `latency:DEVICE` of every predictor."""
    columns = space.costs(genotypes) | {n: of(space, genotypes) for n, of in MEMORY.items()}
    for device in list_predictors(space):
        predictor = load_predictor(device, space)
        columns[f"latency:{device}"] = feasible_latency(predictor, genotypes)
    return columns
