"""Trainings as pictures: curves, precision over recall, predicted against trained."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from evonas.figures.palette import BLUE, GREY, VERMILION

_LOSS, _AP, _OTHER = VERMILION, BLUE, GREY
_SMOOTH = 15  # losses that a point of the smoothed line is the mean of
MEAN = "all classes"


@dataclass(frozen=True, slots=True)
class Curves:
    """Loss and validation AP by step."""

    loss: list[tuple[int, float]]
    ap: list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network: its AP, and what was predicted of it."""

    job: str
    architecture: str
    predicted: float
    trained: float


def curves_data(rows: Sequence[Mapping[str, Any]]) -> Curves:
    """Returns what the rows of `RunFolder.read_curves` say.

    >>> curves_data([{"step": 1, "loss": 5.0}, {"step": 1, "map": None}, {"step": 2, "map": 0.1}])
    Curves(loss=[(1, 5.0)], ap=[(2, 0.1)])
    """
    return Curves(
        *(
            [(row["step"], row[name]) for row in rows if isinstance(row.get(name), int | float)]
            for name in ("loss", "map")
        )
    )


def curves_figure(data: Curves) -> go.Figure:
    """Draws the loss above the validation AP, over the same steps."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    steps = [step for step, _ in data.loss]
    loss = np.array([value for _, value in data.loss])
    points = {"color": _OTHER, "size": 3}
    line = {"color": _LOSS, "width": 2}
    hover = "%{y:.3f} at step %{x}<extra></extra>"
    figure.add_scatter(
        x=steps, y=loss, mode="markers", marker=points, hovertemplate=hover, row=1, col=1
    )
    figure.add_scatter(
        x=steps, y=_smoothed(loss), mode="lines", line=line, hoverinfo="skip", row=1, col=1
    )
    figure.add_scatter(
        x=[step for step, _ in data.ap],
        y=[value for _, value in data.ap],
        mode="lines+markers",
        line={"color": _AP},
        marker={"symbol": "diamond", "size": 8},
        hovertemplate="AP %{y:.4f} at step %{x}<extra></extra>",
        row=2,
        col=1,
    )
    figure.update_yaxes(title="loss", row=1, col=1)
    figure.update_yaxes(title="validation AP", rangemode="tozero", row=2, col=1)
    figure.update_xaxes(title="step", row=2, col=1)
    figure.update_layout(
        height=420,
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        uirevision="curves",
    )
    return figure


def curves_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the curves as CSV text; what a row does not have is empty."""
    names = ["step", "seconds", "loss", "learning_rate", "images_per_second", "map", "map50"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def precision_data(curves: Mapping[str, Any], iou: str, name: str) -> tuple[list[float], Any]:
    """Returns recalls and a class's precision at them, or the mean over classes.

    Args:
        curves: A split's entry in a run's `pr.json`.
        iou: "0.50" or "0.75".
        name: A class, or `MEAN`.
    """
    by_class = curves[iou]
    if name != MEAN:
        return curves["recall"], by_class[name] or []
    known = [values for values in by_class.values() if values]
    return curves["recall"], np.mean(known, axis=0) if known else []


def precision_figure(curves: Mapping[str, Any], name: str) -> go.Figure:
    """Draws precision over recall at both overlaps."""
    figure = go.Figure()
    for iou, colour, dash in (("0.50", _AP, "solid"), ("0.75", _LOSS, "dash")):
        recall, precision = precision_data(curves, iou, name)
        figure.add_scatter(
            x=recall[: len(precision)],
            y=precision,
            mode="lines",
            line={"color": colour, "dash": dash},
            name=f"IoU {iou}",
            hovertemplate="precision %{y:.2f} at recall %{x:.2f}<extra></extra>",
        )
    figure.update_layout(
        xaxis={"title": "recall", "range": [0, 1]},
        yaxis={"title": "precision", "range": [0, 1.02]},
        height=360,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def agreement_figure(points: Sequence[Trained], current: str) -> go.Figure:
    """Draws trained over predicted AP of all trainings; the current job is marked."""
    figure = go.Figure()
    for ours, name, colour, symbol, size in (
        (False, "other trainings", _OTHER, "circle-open", 8),
        (True, "this one", _LOSS, "diamond", 13),
    ):
        chosen = [point for point in points if (point.job == current) == ours]
        if chosen:
            figure.add_scatter(
                x=[point.predicted for point in chosen],
                y=[point.trained for point in chosen],
                text=[point.architecture for point in chosen],
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": size},
                name=name,
                hovertemplate="%{text}<br>predicted %{x:.4f}, trained %{y:.4f}<extra></extra>",
            )
    ends = [0.0, 1.1 * max(max(p.predicted, p.trained) for p in points)]
    line = {"color": _AP, "width": 1, "dash": "dot"}
    figure.add_scatter(x=ends, y=ends, mode="lines", line=line, name="equal", hoverinfo="skip")
    figure.update_layout(
        xaxis_title="predicted AP",
        yaxis_title="trained AP",
        height=320,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each value and those around it, fewer at the ends."""
    width = min(_SMOOTH, len(values))
    if width < 2:
        return values
    ones = np.convolve(np.ones(len(values)), np.ones(width), "same")
    return np.convolve(values, np.ones(width), "same") / ones
