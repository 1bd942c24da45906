"""A third objective as colour."""

from dataclasses import dataclass

import numpy as np

from app.shared.frame import compact
from app.shared.front import Rows
from evonas.arrays import Floats
from evonas.figures.fronts import spans_a_decade

# Values over a decade, or half of whose range is empty but for their extremes, are coloured by
# rank: in proportion most of them would look the same.
_HALF = 0.5
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Hue:
    """Colours of a table's rows.

    Attributes:
        name: Column that is the colour.
        values: (n,) places on the scale, NaN where the column has no value.
        low: Least place on the scale.
        high: Largest place on the scale.
        ticks: Places that the scale names, with their texts; empty for Plotly's own.
        by_quantile: A place is the share of the rows with smaller values.
    """

    name: str
    values: Floats
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    by_quantile: bool

    def marker(self, rows: Rows, bar: bool) -> dict[str, object]:
        """Returns the style of rows with values; with the scale beside them if `bar`."""
        title = f"{self.name}, by quantile" if self.by_quantile else self.name
        scale: dict[str, object] = {"title": {"text": title, "side": "right"}, "thickness": 12}
        if self.ticks:
            scale["tickvals"] = [place for place, _ in self.ticks]
            scale["ticktext"] = [text for _, text in self.ticks]
        return {
            "color": self.values[rows].astype(np.float32),
            "colorscale": "Cividis",
            "cmin": self.low,
            "cmax": self.high,
            "showscale": bar,
            "colorbar": scale,
        }


def hue_of(name: str, values: Floats, within: Rows) -> Hue:
    """Returns the colours of rows by a column.

    Args:
        name: The column.
        values: (n,) its values.
        within: Rows that the scale is for.
    """
    shown = np.sort(values[within])
    shown = shown[np.isfinite(shown)]
    if not len(shown):
        return Hue(name, np.full(len(values), np.nan), 0.0, 1.0, (), False)
    if not is_skewed(shown):
        return Hue(name, values, float(shown[0]), float(shown[-1]), (), False)
    below, upto = (np.searchsorted(shown, values, side) for side in ("left", "right"))
    places = np.where(np.isfinite(values), (below + upto) / (2 * len(shown)), np.nan)
    named = zip(_TICKS, np.quantile(shown, _TICKS).tolist(), strict=True)
    ticks = tuple((place, compact(value)) for place, value in named)
    return Hue(name, places, 0.0, 1.0, ticks, True)


def is_skewed(values: Floats) -> bool:
    """Returns whether most of the values, ascending (n,), would share a colour of a linear scale.

    >>> is_skewed(np.linspace(1.0, 2.0, 50)), is_skewed(np.array([1.0, 1.1, 1.2, 80.0]))
    (False, True)
    """
    low, high = float(values[0]), float(values[-1])
    if spans_a_decade(low, high):
        return True
    middle = float(np.subtract(*np.quantile(values, (0.95, 0.05))))
    return middle < _HALF * (high - low)
