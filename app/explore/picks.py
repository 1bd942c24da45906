"""What a browser says was picked, which may be anything."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from app.shared.front import Front


def picked_rows(points: Iterable[object], n_rows: int) -> list[int]:
    """Returns the row numbers in a chart's selected points, each once; what is none is left out.

    Args:
        points: `event["selection"]["points"]`; the row number is a point's `customdata`.
        n_rows: How many rows there are.

    >>> picked_rows([{"customdata": 3}, {"customdata": [1]}, {"customdata": "9; drop"}, None], 5)
    [3, 1]
    """
    rows = []
    for point in points:
        given = point.get("customdata") if isinstance(point, Mapping) else None
        if isinstance(given, list | tuple) and len(given) == 1:
            given = given[0]
        if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < n_rows:
            rows.append(given)
    return list(dict.fromkeys(rows))


def selected_points(event: object) -> list[object]:
    """Returns the points of a chart's event, none if the event is not one."""
    selection = event.get("selection") if isinstance(event, Mapping) else None
    points = selection.get("points") if isinstance(selection, Mapping) else None
    return list(points) if isinstance(points, list | tuple) else []


@dataclass(frozen=True, slots=True)
class Picks:
    """What is picked, in the order in which it would be added.

    Attributes:
        rows: Rows to be added, those on the front first, then by the vertical axis.
        over: Picked rows that are not within the budgets.
    """

    rows: list[int]
    over: list[int]


def ordered_picks(picked: Iterable[int], data: Front, take_over: bool = False) -> Picks:
    """Returns picked rows in order; those beyond a budget only if they are asked for."""
    rows = np.fromiter(dict.fromkeys(picked), np.intp)
    inside = np.isin(rows, data.within)
    over = rows[~inside]
    kept = rows if take_over else rows[inside]
    sign = -1.0 if data.y.maximise else 1.0
    by_worth = np.lexsort((sign * data.values[kept, 1], ~np.isin(kept, data.front)))
    return Picks(kept[by_worth].tolist(), over.tolist())
