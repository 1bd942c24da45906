"""Several fronts over each other, in two objectives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import MissingPackageError
from evonas.figures.curves import style
from evonas.objectives import Objective, pareto_mask

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_DECADE = 10.0
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")


@dataclass(frozen=True, slots=True, eq=False)
class FrontLine:
    """The front of one run in two of its objectives.

    Attributes:
        name: Of the run.
        group: Of the runs that differ in their seed only.
        points: (n, 2) its networks, by the first objective.
        names: (n,) their `arch_id`s.
        best: (n,) whether a point is on the front of these two objectives alone.
    """

    name: str
    group: str
    points: Floats
    names: list[str]
    best: NDArray[np.bool_]


def front_line(
    name: str, group: str, points: Floats, names: Sequence[str], axes: tuple[Objective, Objective]
) -> FrontLine:
    """Returns the front of a run; (n, 2) points with a NaN are left out."""
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    rows = known[np.argsort(points[known, 0], kind="stable")]
    return FrontLine(
        name, group, points[rows], [names[i] for i in rows], pareto_mask(points[rows], axes)
    )


def fronts_figure(fronts: Sequence[FrontLine], axes: tuple[Objective, Objective]) -> "Figure":
    """Draws the fronts: a colour and dash per group, a symbol per run of it.

    Raises:
        MissingPackageError: plotly is not installed.
    """
    try:
        from plotly.graph_objects import Figure
    except ImportError:
        raise MissingPackageError("plotly", "app") from None

    x, y = axes
    figure = Figure()
    groups = sorted({front.group for front in fronts})  # as `curves_figure` has them
    for front in fronts:
        colour, dash = style(groups.index(front.group))
        of_group = [other.name for other in fronts if other.group == front.group]
        line = front.points[front.best]
        figure.add_scatter(
            x=line[:, 0],
            y=line[:, 1],
            mode="lines",
            line={"color": colour, "width": 1.5, "dash": dash, "shape": _steps(x)},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=front.name,
        )
        figure.add_scatter(
            x=front.points[:, 0],
            y=front.points[:, 1],
            text=front.names,
            mode="markers",
            marker={
                "color": colour,
                "size": 6,
                "symbol": _SYMBOLS[of_group.index(front.name) % len(_SYMBOLS)],
            },
            name=front.name,
            legendgroup=front.name,
            hovertemplate="%{text}<br>%{y:.4g} at %{x:.4g}<extra>" + front.name + "</extra>",
        )
    figure.update_layout(
        xaxis=axis(x, np.concatenate([front.points[:, 0] for front in fronts])),
        yaxis=axis(y, np.concatenate([front.points[:, 1] for front in fronts])),
        height=420,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
        hovermode="closest",
        uirevision=f"{x.name} {y.name}",
    )
    return figure


def axis(objective: Objective, values: Floats) -> dict[str, object]:
    """Returns Plotly's description of an objective's axis: logarithmic over a decade of costs."""
    style = axis_words(objective)
    low, high = (values.min(), values.max()) if len(values) else (0.0, 0.0)
    if not objective.maximise and spans_a_decade(low, high):
        places = [float(f"{digit}e{power}") for power in range(-9, 15) for digit in (1, 2, 5)]
        style |= {"type": "log", "tickvals": [p for p in places if low / 2 <= p <= 2 * high]}
    return style


def axis_words(objective: Objective, source: str = "") -> dict[str, object]:
    """Returns how Plotly is to name an objective's axis, and where its numbers are from."""
    better = "higher" if objective.maximise else "lower"
    unit = f"{objective.unit}, {source}" if source else objective.unit
    return {
        # Two lines fit a narrow screen.
        "title": {"text": f"{objective.name}<br>{unit}; {better} is better"},
        # 30M networks' parameters, but never 200u milliseconds.
        "exponentformat": "none" if objective.unit in ("ms", "s", "AP") else "SI",
    }


def spans_a_decade(low: float, high: float) -> bool:
    """Returns whether values from low to high are better seen on a logarithmic scale.

    >>> spans_a_decade(0.1, 5.6), spans_a_decade(0.38, 0.65), spans_a_decade(0.0, 9.0)
    (True, False, False)
    """
    return low > 0 and high / low >= _DECADE


def _steps(x: Objective) -> str:
    """What a front attains lies on the worse side of each point."""
    return "vh" if x.maximise else "hv"
