"""Parallel coordinates of the rows within the budgets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.shared.front import Front
from evonas.figures.palette import DOMINATED, FRONT
from evonas.objectives import load_objective
from evonas.table import BenchmarkTable

MOST_LINES = 1_500


@dataclass(frozen=True, slots=True, eq=False)
class Parallel:
    """Lines to draw.

    Attributes:
        columns: By objective (n,) values, the front's rows last, so that they lie on top.
        on_front: (n,) whether a line is on the front.
        n_within: How many rows there are to draw.
    """

    columns: dict[str, NDArray[np.float64]]
    on_front: NDArray[np.bool_]
    n_within: int


def parallel_data(
    table: BenchmarkTable, space: str, data: Front, objectives: Sequence[str]
) -> Parallel:
    """Returns the front and an even sample of the other rows within the budgets."""
    others = data.dominated
    room = max(MOST_LINES - len(data.front), 1)
    rows = np.concatenate([others[:: -(-len(others) // room) or 1], data.front])
    columns = {name: table.column(name, space)[rows] for name in objectives}
    return Parallel(columns, np.isin(rows, data.front), len(data.within))


def parallel_figure(data: Parallel) -> go.Figure:
    """Draws one line per row over one axis per objective; on every axis, better is up."""
    dimensions = []
    for name, values in data.columns.items():
        objective = load_objective(name)
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        span = [low, high] if objective.maximise else [high, low]
        dimensions.append({"label": name, "values": values.astype(np.float32), "range": span})
    figure = go.Figure(
        go.Parcoords(
            dimensions=dimensions,
            line={
                "color": data.on_front.astype(int),
                "colorscale": [[0, DOMINATED], [1, FRONT]],
                "cmin": 0,
                "cmax": 1,
            },
            labelangle=-12,
        )
    )
    figure.update_layout(
        height=400, margin={"l": 60, "r": 60, "t": 70, "b": 20}, uirevision="parallel"
    )
    return figure
