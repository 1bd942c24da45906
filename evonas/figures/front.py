"""Draws a front with plotly."""

from typing import TYPE_CHECKING, Any

from evonas.errors import MissingPackageError
from evonas.objectives import Objective
from evonas.search.panels import Panel

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Okabe and Ito's blue and vermilion, distinguishable by every kind of colour vision.
_FRONT, _LINE, _CLOUD = "#0072B2", "#D55E00", "#9a9a9a"


def front_figure(panels: list[Panel], title: str) -> "Figure":
    """Draws the panels side by side.

    Raises:
        MissingPackageError: plotly is not installed.
    """
    try:
        from plotly.subplots import make_subplots
    except ImportError:
        raise MissingPackageError("plotly", "app") from None

    figure = make_subplots(cols=len(panels), horizontal_spacing=0.09)
    for number, panel in enumerate(panels, start=1):
        for trace in _traces(panel, legend=number == 1):
            figure.add_trace(trace, row=1, col=number)
        figure.update_xaxes(title_text=_axis(panel.x), rangemode="tozero", col=number)
        figure.update_yaxes(title_text=_axis(panel.y), col=number)
    figure.update_layout(
        title=title,
        template="plotly_white",
        height=560,
        legend={"orientation": "h", "y": -0.18},
        hoverlabel={"align": "left", "font_family": "monospace"},
    )
    return figure


def _traces(panel: Panel, legend: bool) -> list[Any]:
    from plotly.graph_objects import Scatter

    return [
        Scatter(
            x=panel.cloud[:, 0],
            y=panel.cloud[:, 1],
            mode="markers",
            marker={"color": _CLOUD, "size": 5, "opacity": 0.5},
            text=panel.cloud_ids,
            hovertemplate="%{text}<br>%{y:.4g} at %{x:.4g}<extra>dominated</extra>",
            name="dominated",
            legendgroup="cloud",
            showlegend=legend,
        ),
        Scatter(
            x=panel.line[:, 0],
            y=panel.line[:, 1],
            mode="lines",
            line={"color": _LINE, "width": 1.5, "shape": "hv"},
            hoverinfo="skip",
            name="front of these two objectives",
            legendgroup="line",
            showlegend=legend,
        ),
        Scatter(
            x=panel.front[:, 0],
            y=panel.front[:, 1],
            mode="markers",
            marker={"color": _FRONT, "size": 9, "symbol": "diamond"},
            text=panel.front_text,
            hovertemplate="%{text}<extra></extra>",
            name="Pareto front",
            legendgroup="front",
            showlegend=legend,
        ),
    ]


def _axis(objective: Objective) -> str:
    better = "higher" if objective.maximise else "lower"
    return f"{objective.name} ({objective.unit}, {better} is better)"
