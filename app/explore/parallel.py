"""Parallel coordinates of the rows within budgets and filters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.explore.filters import Axis
from app.shared.columns import Columns
from app.shared.front import Front
from evonas.figures.palette import DOMINATED, FRONT, NOTHING
from evonas.objectives import load_objective

MOST_LINES = 600  # more hide the front and the axes
AXIS_WIDTH = 125  # pixels that an axis with its labels needs


@dataclass(frozen=True, slots=True, eq=False)
class Parallel:
    """Lines to draw.

    Attributes:
        axes: The axes.
        columns: Per axis (n,) values, the front's rows last, so that they lie on top.
        on_front: (n,) whether a line is on the front.
        n_within: How many rows there are to draw.
    """

    axes: Sequence[Axis]
    columns: Sequence[NDArray[np.float64]]
    on_front: NDArray[np.bool_]
    n_within: int


def parallel_data(table: Columns, space: str, data: Front, axes: Sequence[Axis]) -> Parallel:
    """Returns the front and an even sample of the other rows within the budgets."""
    others = data.dominated
    room = max(MOST_LINES - len(data.front), 1)
    rows = np.concatenate([others[:: -(-len(others) // room) or 1], data.front])
    complete = np.ones(len(rows), np.bool_)
    columns = []
    for axis in axes:
        every = table.column(axis.name, space) if axis.gene is None else None
        values = table.genotypes(space)[rows, axis.gene] if every is None else every[rows]
        columns.append(values.astype(np.float64))
        complete &= np.isfinite(columns[-1])
    kept = [column[complete] for column in columns]
    return Parallel(axes, kept, np.isin(rows[complete], data.front), len(data.within))


def parallel_figure(data: Parallel) -> go.Figure:
    """Draws one line per row; on the axis of an objective, better is up."""
    figure = go.Figure(
        go.Parcoords(
            dimensions=[
                _dimension(axis, values)
                for axis, values in zip(data.axes, data.columns, strict=True)
            ],
            line={
                "color": data.on_front.astype(int),
                "colorscale": [[0, DOMINATED], [1, FRONT]],
                "cmin": 0,
                "cmax": 1,
            },
            labelfont={"size": 12},
            tickfont={"size": 11},
            rangefont={"size": 1, "color": NOTHING},  # it would lie over the labels
        )
    )
    figure.update_layout(
        height=460, margin={"l": 70, "r": 110, "t": 60, "b": 20}, uirevision="parallel"
    )
    return figure


def _dimension(axis: Axis, values: NDArray[np.float64]) -> dict[str, object]:
    style: dict[str, object] = {
        # Two short lines, so that neighbours do not lie over each other.
        "label": axis.label.replace(":", ":<br>", 1).replace(" layer", "<br>layer"),
        "values": values.astype(np.float32),
    }
    if axis.gene is not None:
        return style | {
            "range": [-0.3, axis.high + 0.3],
            "tickvals": list(range(len(axis.choices))),
            "ticktext": list(axis.choices),
        }
    low, high = (float(values.min()), float(values.max())) if len(values) else (axis.low, axis.high)
    pad = 0.02 * (high - low) or 0.02 * (abs(high) or 1.0)
    ends = [low - pad, high + pad]
    large = max(abs(low), abs(high)) >= 10_000
    return style | {
        "range": ends if load_objective(axis.name).maximise else ends[::-1],
        "tickformat": ".3s" if large else ".3~g",
    }
