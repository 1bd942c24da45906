"""Drawing fronts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from app.explore.axes import Axes, axis_style, budget_lines
from app.explore.hue import Hue
from app.explore.marks import Mark
from app.shared.front import Front, Rows
from evonas.figures.palette import CHOSEN, DOMINATED, FRONT, GREEN, ORANGE, REFERENCE, TICKED

SUBSPACE = {
    "ibn": (ORANGE, "dot", "triangle-up"),
    "ibn+fused": (GREEN, "dash", "square"),
    "tdb": (FRONT, "solid", "diamond"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """What is drawn beside the front.

    Attributes:
        dominated: Draw the rows that are dominated.
        outside: Draw the rows over a budget.
        hue: The rows' colours by a third objective, or None.
        subspaces: Front rows by sub-space.
        shortlist: The shortlisted networks.
        references: Published networks and baselines.
        sources: Source of a column's numbers, by name.
        ticked: Rows to be ringed.
    """

    dominated: bool = True
    outside: bool = True
    hue: Hue | None = None
    subspaces: Mapping[str, Rows] | None = None
    shortlist: Sequence[Mark] = ()
    references: Sequence[Mark] = ()
    sources: Mapping[str, str] | None = None
    ticked: Sequence[int] = ()


def front_figure(data: Front, layers: Layers, axes: Axes | None = None) -> go.Figure:
    """Draws the front above the cloud; `customdata` of every row's point is its row number.

    Args:
        data: The rows.
        layers: What is drawn beside the front.
        axes: How the axes are drawn; by default linear ones that show everything.
    """
    axes = axes or Axes()
    figure = go.Figure()
    if layers.outside and len(data.outside):
        style = {"color": DOMINATED, "size": 3, "opacity": 0.25}
        _rows(
            figure,
            data,
            data.outside,
            "over budget or filtered out" if data.filtered else "over budget",
            style,
        )
    if layers.dominated and len(data.dominated):
        style = {"size": 4, "opacity": 0.55, "color": DOMINATED}
        _coloured(figure, data, data.dominated, "dominated", style, layers.hue)
    if layers.subspaces:
        for name, rows in layers.subspaces.items():
            colour, dash, symbol = SUBSPACE[name]
            style = {"color": colour, "size": 8, "symbol": symbol}
            line = {"color": colour, "width": 1.5, "dash": dash, "shape": "hv"}
            _rows(figure, data, rows, f"front of {name}", style, line)
    else:
        _front(figure, data, layers.hue)
    ring = {"color": CHOSEN, "size": 16, "symbol": "circle-open", "line": {"width": 2.5}}
    _marks(figure, layers.shortlist, "shortlist", ring, text=False)
    star = {"color": REFERENCE, "size": 13, "symbol": "star"}
    _marks(figure, layers.references, "published", star, text=True)
    if layers.ticked:
        ring = {"color": TICKED, "size": 20, "symbol": "circle-open", "line": {"width": 3}}
        _rows(figure, data, np.array(layers.ticked, np.intp), "ticked", ring)
    horizontal, vertical = (
        axis_style(data, column, axes, layers.sources or {}) for column in (0, 1)
    )
    shapes, annotations = budget_lines(data, axes)
    figure.update_layout(
        xaxis=horizontal,
        yaxis=vertical,
        shapes=shapes,
        annotations=annotations,
        height=440,
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
        # Below the picture, so that the toolbar never lies over it.
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "x": 0,
            "itemsizing": "constant",
        },
        uirevision=f"{horizontal} {vertical}",
        dragmode="lasso",
        hovermode="closest",
    )
    return figure


def _front(figure: go.Figure, data: Front, hue: Hue | None) -> None:
    style = {"size": 10, "symbol": "diamond", "color": FRONT, "line": {"width": 1, "color": FRONT}}
    line = {"color": FRONT, "width": 1.5, "shape": "hv"}
    if hue is None:
        _rows(figure, data, data.front, "Pareto front", style, line)
        return
    x, y = data.values[data.front].astype(np.float32).T
    figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=line, showlegend=False))
    figure.data[-1].hoverinfo = "skip"
    _coloured(figure, data, data.front, "Pareto front", style, hue, bar=True)


def _coloured(
    figure: go.Figure,
    data: Front,
    rows: Rows,
    name: str,
    style: Mapping[str, object],
    hue: Hue | None,
    bar: bool = False,
) -> None:
    """Draws rows in their colours, and hollow those without a value for it."""
    if hue is None:
        _rows(figure, data, rows, name, style)
        return
    known = np.isfinite(hue.values[rows])
    if not known.all():  # first, so that the coloured ones lie above
        hollow = {**style, "symbol": f"{style.get('symbol', 'circle')}-open"}
        _rows(figure, data, rows[~known], f"{name}, no {hue.name}", hollow)
    if known.any():
        _rows(figure, data, rows[known], name, {**style, **hue.marker(rows[known], bar)})


def _rows(
    figure: go.Figure,
    data: Front,
    rows: Rows,
    name: str,
    marker: Mapping[str, object],
    line: dict[str, object] | None = None,
) -> None:
    figure.add_trace(
        go.Scatter(
            x=data.values[rows, 0].astype(np.float32),
            y=data.values[rows, 1].astype(np.float32),
            customdata=rows.astype(np.int32),
            mode="lines+markers" if line else "markers",
            line=line,
            marker=marker,
            name=name,
            hovertemplate="%{y:.4g} at %{x:.4g}<extra>" + name + "</extra>",
        )
    )


def _marks(
    figure: go.Figure, marks: Sequence[Mark], name: str, marker: dict[str, object], text: bool
) -> None:
    if not marks:
        return
    figure.add_trace(
        go.Scatter(
            x=[mark.x for mark in marks],
            y=[mark.y for mark in marks],
            text=[mark.name for mark in marks],
            mode="markers+text" if text else "markers",
            textposition="top center",
            marker=marker,
            name=name,
            hovertemplate="%{text}<br>%{y:.4g} at %{x:.4g}<extra>" + name + "</extra>",
        )
    )
