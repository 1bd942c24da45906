"""Columns that follow from a genotype at once: costs and predicted latencies."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from evonas.space import Genotypes, SearchSpace

COSTS = ("madds", "params")
_LATENCY = "latency:"


def is_analytic(column: str) -> bool:
    """Returns whether a column needs no scorer."""
    return column in COSTS or column.startswith(_LATENCY)


def analytic_columns(
    space: SearchSpace, columns: Iterable[str]
) -> Callable[[Genotypes], dict[str, NDArray[np.float64]]]:
    """Returns the function from genotypes to those columns, each (n,); latencies in ms.

    Predictors are loaded here, so that an unknown device is refused before any work is done.

    Raises:
        ConfigurationError: No predictor for the device and space.
    """
    names = list(dict.fromkeys(columns))
    assert all(map(is_analytic, names)), names
    predictors = {name: _predictor(space, name) for name in names if name not in COSTS}

    def compute(genotypes: Genotypes) -> dict[str, NDArray[np.float64]]:
        costs = space.costs(genotypes) if set(names) & set(COSTS) else {}
        return {
            name: costs[name] if name in costs else predictors[name](genotypes) for name in names
        }

    return compute


def _predictor(space: SearchSpace, column: str) -> Callable[[Genotypes], NDArray[np.float64]]:
    from evonas.latency import load_predictor

    return load_predictor(column.removeprefix(_LATENCY), space).predict
