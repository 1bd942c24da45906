"""Quality over evaluations or time of several runs: each run, and the band of a group's runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evonas.arrays import Floats
from evonas.errors import MissingPackageError
from evonas.figures.palette import SERIES, shade

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_MOST_POINTS = 400  # of a band
_MOST_RUNS = 8  # of a group, beside its band: more would hide it


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What one run had reached.

    Attributes:
        name: Of the run.
        group: Of the runs that differ in their seed only.
        at: (n,) increasing evaluations or seconds, n at least 1.
        values: (n,) what was there from then on.
    """

    name: str
    group: str
    at: Floats
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Median and quartiles over the runs of a group, as far as all of them have come.

    Attributes:
        group: Of the runs.
        n: How many.
        at: (k,) increasing; empty where the runs have nothing in common.
        low: (k,) lower quartile.
        median: (k,).
        high: (k,) upper quartile.
    """

    group: str
    n: int
    at: Floats
    low: Floats
    median: Floats
    high: Floats


def band(curves: Sequence[Curve]) -> Band:
    """Returns the band of the curves of one group, at least one.

    >>> from numpy import array
    >>> two = [Curve("a", "g", array([1.0, 3.0]), array([0.0, 1.0])),
    ...        Curve("b", "g", array([2.0, 4.0]), array([0.5, 2.0]))]
    >>> found = band(two)
    >>> found.at.tolist(), found.median.tolist()
    ([2.0, 3.0], [0.25, 0.75])
    """
    first, last = max(c.at[0] for c in curves), min(c.at[-1] for c in curves)
    places = np.unique(np.concatenate([c.at for c in curves]))
    places = places[(places >= first) & (places <= last)]
    if len(places) > _MOST_POINTS:
        places = places[np.linspace(0, len(places) - 1, _MOST_POINTS).astype(np.intp)]
    values = [c.values[np.searchsorted(c.at, places, side="right") - 1] for c in curves]
    low, median, high = np.quantile(np.stack(values), [0.25, 0.5, 0.75], axis=0)
    return Band(curves[0].group, len(curves), places, low, median, high)


def bands(curves: Sequence[Curve]) -> list[Band]:
    """Returns a band for each group, by name, so that its colour does not depend on the order."""
    groups = sorted({curve.group for curve in curves})
    return [band([c for c in curves if c.group == group]) for group in groups]


def curves_figure(curves: Sequence[Curve], x: str, y: str) -> "Figure":
    """Draws the runs as steps, and over those of a group their median and quartiles.

    Args:
        curves: The runs.
        x: Title of the horizontal axis.
        y: Title of the vertical axis.

    Raises:
        MissingPackageError: plotly is not installed.
    """
    try:
        from plotly.graph_objects import Figure
    except ImportError:
        raise MissingPackageError("plotly", "app") from None

    figure = Figure()
    for number, found in enumerate(bands(curves)):
        colour, dash = style(number)
        if found.n > 1 and len(found.at):
            _add_band(figure, found, colour)
        for curve in curves if found.n <= _MOST_RUNS else ():
            if curve.group == found.group:
                _add_run(figure, curve, colour, dash, alone=found.n == 1)
        if found.n > 1 and len(found.at):
            _add_median(figure, found, colour, dash)
    figure.update_layout(
        xaxis={"title": x},
        yaxis={"title": y, "exponentformat": "none"},
        height=380,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
        hovermode="closest",
        uirevision=x,
    )
    return figure


def style(number: int) -> tuple[str, str]:
    """Returns colour and dash of a group, so that colour is never the only sign."""
    again, colour = divmod(number, len(SERIES))
    return SERIES[colour], DASHES[(colour + again) % len(DASHES)]


def _add_band(figure: "Figure", found: Band, colour: str) -> None:
    edge = {"width": 0, "shape": "hv", "color": colour}
    for values, fill in ((found.low, None), (found.high, "tonexty")):
        figure.add_scatter(
            x=found.at,
            y=values,
            mode="lines",
            line=edge,
            fill=fill,
            fillcolor=shade(colour, 0.18),
            hoverinfo="skip",
            showlegend=False,
            legendgroup=found.group,
        )


def _add_run(figure: "Figure", curve: Curve, colour: str, dash: str, alone: bool) -> None:
    figure.add_scatter(
        x=curve.at,
        y=curve.values,
        mode="lines+markers" if alone and len(curve.at) <= 60 else "lines",
        line={
            "shape": "hv",
            "color": colour,
            "width": 2 if alone else 1,
            "dash": dash if alone else "solid",
        },
        opacity=1.0 if alone else 0.45,
        marker={"size": 5},
        name=curve.group if alone else curve.name,
        showlegend=alone,
        legendgroup=curve.group,
        hovertemplate="%{y:.4f} at %{x:.6g}<extra>" + curve.name + "</extra>",
    )


def _add_median(figure: "Figure", found: Band, colour: str, dash: str) -> None:
    figure.add_scatter(
        x=found.at,
        y=found.median,
        mode="lines",
        line={"shape": "hv", "color": colour, "width": 2.5, "dash": dash},
        name=f"{found.group}, {found.n} seeds",
        legendgroup=found.group,
        hovertemplate="median %{y:.4f} at %{x:.6g}<extra>" + found.group + "</extra>",
    )
