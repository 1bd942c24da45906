"""Drawing fronts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.explore.marks import Mark
from app.shared.front import Front, Rows
from evonas.figures.palette import CHOSEN, DOMINATED, FRONT, GREEN, ORANGE, REFERENCE
from evonas.objectives import Objective

SUBSPACE = {
    "ibn": (ORANGE, "dot", "triangle-up"),
    "ibn+fused": (GREEN, "dash", "square"),
    "tdb": (FRONT, "solid", "diamond"),
}
# Up to so many points SVG is drawn sooner than WebGL starts.
_FEW = 4_000


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """What is drawn beside the front.

    Attributes:
        dominated: Draw the rows that are dominated.
        outside: Draw the rows over a budget.
        hue: (n,) values of a third objective for the colour of the rows, or None.
        hue_title: What the colour means.
        subspaces: Front rows by sub-space.
        shortlist: The shortlisted networks.
        references: Published networks and baselines.
        sources: Source of a column's numbers, by name.
    """

    dominated: bool = True
    outside: bool = True
    hue: NDArray[np.float64] | None = None
    hue_title: str = ""
    subspaces: Mapping[str, Rows] | None = None
    shortlist: Sequence[Mark] = ()
    references: Sequence[Mark] = ()
    sources: Mapping[str, str] | None = None


def front_figure(data: Front, layers: Layers) -> go.Figure:
    """Draws the front above the cloud; `customdata` of every row's point is its row number."""
    scatter = go.Scatter if data.n_shown <= _FEW else go.Scattergl
    figure = go.Figure()
    if layers.outside and len(data.outside):
        style = {"color": DOMINATED, "size": 5, "symbol": "x-thin-open"}
        _rows(figure, scatter, data, data.outside, "over budget", style)
    if layers.dominated and len(data.dominated):
        style = {"size": 4, "opacity": 0.55, **_hue(layers, data, data.dominated)}
        _rows(figure, scatter, data, data.dominated, "dominated", style)
    if layers.subspaces:
        for name, rows in layers.subspaces.items():
            colour, dash, symbol = SUBSPACE[name]
            style = {"color": colour, "size": 8, "symbol": symbol}
            line = {"color": colour, "width": 1.5, "dash": dash, "shape": "hv"}
            _rows(figure, go.Scatter, data, rows, f"front of {name}", style, line)
    else:
        style = {"size": 10, "symbol": "diamond", "line": {"width": 1, "color": FRONT}}
        style |= _hue(layers, data, data.front, bar=True)
        line = {"color": FRONT, "width": 1.5, "shape": "hv"}
        _rows(figure, go.Scatter, data, data.front, "Pareto front", style, line)
    ring = {"color": CHOSEN, "size": 16, "symbol": "circle-open", "line": {"width": 2.5}}
    _marks(figure, layers.shortlist, "shortlist", ring, text=False)
    star = {"color": REFERENCE, "size": 13, "symbol": "star"}
    _marks(figure, layers.references, "published", star, text=True)
    figure.update_layout(
        xaxis_title=_axis(data.x, layers.sources),
        yaxis_title=_axis(data.y, layers.sources),
        height=500,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        uirevision="front",
        dragmode="lasso",
        hovermode="closest",
    )
    return figure


def _rows(
    figure: go.Figure,
    scatter: type,
    data: Front,
    rows: Rows,
    name: str,
    marker: dict[str, object],
    line: dict[str, object] | None = None,
) -> None:
    figure.add_trace(
        scatter(
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


def _hue(layers: Layers, data: Front, rows: Rows, bar: bool = False) -> dict[str, object]:
    if layers.hue is None:
        return {"color": FRONT if bar else DOMINATED}
    shown = layers.hue[data.within]
    low, high = (np.nanmin(shown), np.nanmax(shown)) if np.isfinite(shown).any() else (0, 1)
    return {
        "color": layers.hue[rows].astype(np.float32),
        "colorscale": "Cividis",
        "cmin": float(low),
        "cmax": float(high),
        "showscale": bar,
        "colorbar": {"title": {"text": layers.hue_title, "side": "right"}, "thickness": 12},
    }


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


def _axis(objective: Objective, sources: Mapping[str, str] | None) -> str:
    better = "higher" if objective.maximise else "lower"
    source = (sources or {}).get(objective.name)
    unit = f"{objective.unit}, {source}" if source else objective.unit
    return f"{objective.name}<br>{unit}; {better} is better"  # two lines fit a narrow screen
