"""The front of a search, as data and as a picture."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evonas.arrays import Floats
from evonas.errors import MissingPackageError
from evonas.figures.palette import CHOSEN, DOMINATED, FRONT
from evonas.objectives import Objective, pareto_mask
from evonas.search import SearchResult

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Two objectives of one run.

    Attributes:
        x: Objective of the horizontal axis.
        y: Objective of the vertical axis.
        cloud: (n, 2) evaluated networks that are not on the run's front.
        cloud_ids: Their `arch_id`s.
        front: (k, 2) the run's front, over all its objectives.
        front_text: A description of each network of the front.
        line: (m, 2) the front in these two objectives alone, by x.
    """

    x: Objective
    y: Objective
    cloud: Floats
    cloud_ids: list[str]
    front: Floats
    front_text: list[str]
    line: Floats


def front_data(result: SearchResult) -> list[Panel]:
    """Returns a panel for the first objective over each of the others."""
    scored = np.flatnonzero(result.archive.feasible)
    cloud = np.setdiff1d(scored, result.front)
    values = result.values()
    text = [_describe(result, row) for row in result.rows()]
    cloud_ids = result.space.arch_ids(result.archive.genotypes[cloud])
    panels = []
    y = result.objectives[0]
    for column, x in enumerate(result.objectives[1:], start=1):
        points = values[:, [column, 0]]
        front = points[result.front]
        best = front[pareto_mask(front, (x, y))]
        line = best[np.argsort(best[:, 0])]
        panels.append(Panel(x, y, points[cloud], cloud_ids, front, text, line))
    return panels


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
            marker={"color": DOMINATED, "size": 5, "opacity": 0.5},
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
            line={"color": CHOSEN, "width": 1.5, "shape": "hv"},
            hoverinfo="skip",
            name="front of these two objectives",
            legendgroup="line",
            showlegend=legend,
        ),
        Scatter(
            x=panel.front[:, 0],
            y=panel.front[:, 1],
            mode="markers",
            marker={"color": FRONT, "size": 9, "symbol": "diamond"},
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


def _describe(result: SearchResult, row: dict[str, str | float]) -> str:
    lines = [str(row["arch_id"])]
    lines += [f"{name}: {value:.4g}" for name, value in row.items() if not isinstance(value, str)]
    return "<br>".join(lines)
