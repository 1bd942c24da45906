"""The axes of a front's picture: linear or logarithmic, how far they reach, where a budget ends."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.shared.frame import compact
from app.shared.front import Front
from evonas.figures.fronts import axis_words
from evonas.figures.palette import BUDGET

_SHORT, _LONG = 0.5, 1.2  # decades
_PAD = 0.06  # of the span, on both sides


@dataclass(frozen=True, slots=True)
class Axes:
    """How the axes are drawn.

    Attributes:
        log: Whether the horizontal and the vertical axis are logarithmic.
        zoomed: They reach as far as front and budgets do; else everything is shown.
    """

    log: tuple[bool, bool] = (False, False)
    zoomed: bool = False


def reach(data: Front, column: int, log: bool) -> tuple[float, float] | None:
    """Returns how far an axis reaches to show front and budget, in its own coordinates.

    Args:
        data: What is shown.
        column: 0 for the horizontal axis, 1 for the vertical one.
        log: The axis is logarithmic: both ends are decimal logarithms.

    Returns:
        Both ends, or None where there is nothing to zoom to.
    """
    shown = data.values[data.front, column]
    if not len(shown):
        return None
    bound = data.budgets.get(data.objectives[column].name)
    if bound is not None and (bound > 0 or not log):
        shown = np.append(shown, bound)
    ends = np.array([shown.min(), shown.max()])
    low, high = (np.log10(ends) if log else ends).tolist()
    pad = _PAD * ((high - low) or (1.0 if log else abs(high)) or 1.0)
    return low - pad, high + pad


def axis_style(
    data: Front, column: int, axes: Axes, sources: Mapping[str, str]
) -> dict[str, object]:
    """Returns Plotly's description of an axis; `sources` says where columns' numbers are from."""
    objective = data.objectives[column]
    log = axes.log[column]
    style = axis_words(objective, sources.get(objective.name, ""))
    style["type"] = "log" if log else "linear"
    ends = reach(data, column, log) if axes.zoomed else None
    if ends is not None:
        style["range"] = list(ends)
    if log:
        known = data.values[np.isfinite(data.values).all(axis=1), column]
        places = log_ticks(*(ends or np.log10([known.min(), known.max()]).tolist()))
        if places:
            style |= {"tickvals": places, "ticktext": [compact(place) for place in places]}
    return style


def log_ticks(low: float, high: float) -> list[float]:
    """Returns what a logarithmic axis names: 1, 2 and 5 times each power of ten, or some more.

    Plotly writes lone small digits between the powers.

    Args:
        low: The axis's lower end, a decimal logarithm.
        high: Its upper end.

    Returns:
        Numbers; none where the axis is so short that Plotly names it like a linear one.

    >>> log_ticks(-1.05, 0.4)
    [0.1, 0.2, 0.5, 1.0, 2.0]
    """
    if high - low < _SHORT:
        return []
    digits = (1, 2, 5) if high - low > _LONG else (1, 1.5, 2, 3, 4, 5, 7)
    powers = range(math.floor(low), math.ceil(high) + 1)
    places = [float(f"{digit}e{power}") for power in powers for digit in digits]
    return [place for place in places if low <= math.log10(place) <= high]


def budget_lines(data: Front, axes: Axes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Returns Plotly's shapes and annotations of the budgets that lie on an axis."""
    shapes, annotations = [], []
    for column, objective in enumerate(data.objectives):
        bound = data.budgets.get(objective.name)
        if bound is None or (axes.log[column] and bound <= 0):
            continue
        along, across = ("x", "y") if column == 0 else ("y", "x")
        shapes.append(
            {
                "type": "line",
                f"{along}ref": along,
                f"{across}ref": f"{across} domain",
                f"{along}0": bound,
                f"{along}1": bound,
                f"{across}0": 0,
                f"{across}1": 1,
                "line": {"color": BUDGET, "width": 2, "dash": "dash"},
            }
        )
        word = "at least" if objective.maximise else "at most"
        annotations.append(
            {
                f"{along}ref": along,
                f"{across}ref": f"{across} domain",
                along: math.log10(bound) if axes.log[column] else bound,
                across: 1,
                "text": f"budget: {word} {compact(bound)} {objective.unit}",
                "showarrow": False,
                "xanchor": "right",
                "yanchor": "bottom",
            }
        )
    return shapes, annotations
