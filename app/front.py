"""The front of a table under budgets: computing it, and drawing it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from evonas.objectives import Objective, hypervolume, load_objective, pareto_mask
from evonas.table import BenchmarkTable

# Okabe and Ito's blue and vermilion; colour is never the only sign.
FRONT, SHORTLIST, CLOUD = "#0072B2", "#D55E00", "#9a9a9a"
MOST_SHOWN = 20_000  # points of the dominated cloud; the front is always whole


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """What a picture of a table shows.

    Attributes:
        x: Objective of the horizontal axis.
        y: Objective of the vertical axis.
        values: (n, 2) x and y of every row of the table.
        front: Rows on the front under the budgets, by x.
        dominated: Rows within the budgets that are not on it, thinned.
        outside: Rows that break a budget, thinned.
        n_within: How many rows are within the budgets.
        hypervolume: Of the front, to the worst value of the table's rows.
    """

    x: Objective
    y: Objective
    values: NDArray[np.float64]
    front: NDArray[np.intp]
    dominated: NDArray[np.intp]
    outside: NDArray[np.intp]
    n_within: int
    hypervolume: float


def front_data(
    table: BenchmarkTable, space: str, x: str, y: str, budgets: Mapping[str, float]
) -> Front:
    """Returns the front of two objectives among the rows within the budgets.

    Args:
        table: The table.
        space: Space of the rows.
        x: Objective of the horizontal axis.
        y: Objective of the vertical axis.
        budgets: Per column the worst value that is allowed.
    """
    objectives = load_objective(x), load_objective(y)
    values = np.stack([table.column(name, space) for name in (x, y)], axis=1)
    known = np.isfinite(values).all(axis=1)
    within = known.copy()
    for name, bound in budgets.items():
        column = table.column(name, space)
        within &= column >= bound if load_objective(name).maximise else column <= bound
    rows = np.flatnonzero(within)
    best = rows[pareto_mask(values[rows], objectives)]
    best = best[np.argsort(values[best, 0], kind="stable")]
    signs = np.array([-1.0 if o.maximise else 1.0 for o in objectives])
    worst = (values[known] * signs).max(axis=0) * signs if known.any() else np.zeros(2)
    return Front(
        *objectives,
        values,
        best,
        _thin(np.setdiff1d(rows, best)),
        _thin(np.flatnonzero(known & ~within)),
        len(rows),
        hypervolume(values[best], objectives, worst),
    )


def _thin(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Keeps every k-th row, so that the picture is the same on every rerun."""
    return rows[:: -(-len(rows) // MOST_SHOWN) or 1]


def front_figure(data: Front, shortlist: NDArray[np.intp]) -> go.Figure:
    """Draws the front above the cloud; `customdata` of every point is its row number."""
    figure = go.Figure()
    for rows, name, style in (
        (data.outside, "over budget", {"color": CLOUD, "size": 5, "symbol": "x-thin-open"}),
        (data.dominated, "dominated", {"color": CLOUD, "size": 4, "opacity": 0.5}),
        (data.front, "Pareto front", {"color": FRONT, "size": 9, "symbol": "diamond"}),
        (shortlist, "shortlist", {"color": SHORTLIST, "size": 15, "symbol": "circle-open"}),
    ):
        figure.add_trace(
            go.Scattergl(
                x=data.values[rows, 0].astype(np.float32),
                y=data.values[rows, 1].astype(np.float32),
                customdata=rows.astype(np.int32),
                mode="lines+markers" if name == "Pareto front" else "markers",
                line={"color": FRONT, "width": 1, "shape": "hv"},
                marker=style,
                name=name,
                hovertemplate="%{y:.4g} at %{x:.4g}<extra>" + name + "</extra>",
            )
        )
    figure.update_layout(
        xaxis_title=_axis(data.x),
        yaxis_title=_axis(data.y),
        height=520,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.08},
        uirevision="front",
        dragmode="lasso",
    )
    return figure


def _axis(objective: Objective) -> str:
    better = "higher" if objective.maximise else "lower"
    return f"{objective.name} ({objective.unit}, {better} is better)"
