"""The worst corner of the normalised hypervolume, computed once per space and objectives."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from evonas.arrays import Floats
from evonas.errors import EvonasError
from evonas.latency import load_predictor
from evonas.objectives import Objective, load_objective
from evonas.search.hypervolume import normalised_hypervolume, worst_corner
from evonas.space import load_space


def table_hypervolume(values: Floats, objectives: Sequence[Objective], space: str) -> float:
    """Returns the normalised hypervolume of networks (n, m); NaN where it is not defined.

    It is not for a cost that only stored networks have, or a device without a predictor.
    """
    names = tuple(objective.name for objective in objectives)
    try:
        predictors = tuple(
            load_predictor(name.partition(":")[2], space).checksum for name in names if ":" in name
        )
        worst = _worst(space, names, predictors)
    except EvonasError:
        return float("nan")
    return normalised_hypervolume(values, objectives, np.array(worst))


@st.cache_data(max_entries=64, show_spinner=False)
def _worst(space: str, names: tuple[str, ...], predictors: tuple[str, ...]) -> list[float]:
    worst = worst_corner(load_space(space), [load_objective(name) for name in names])
    return [float(value) for value in worst]
