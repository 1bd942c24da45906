"""Explore's second line: the best network of the table on each device within one round latency."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from app.explore.controls import Choice
from app.shared.frame import compact
from app.shared.table_view import TableView
from app.shared.tables import table_version
from evonas.arrays import Floats
from evonas.objectives import load_objective
from evonas.space import load_space

_LATENCY = "latency:"
# In a wide window the heading is the first of the cells; on a phone they are swiped below it.
_STYLE = """<style>
.evonas-devices { display: grid; grid-template-columns: repeat(auto-fill, minmax(11.5rem, 1fr));
  gap: 0.3rem 0.8rem; font-size: 0.8rem; line-height: 1.3 }
.evonas-devices > div:last-child { display: contents }
.evonas-devices code { font-size: 0.75rem }
.evonas-devices a { color: inherit }
@media (max-width: 640px) {
  .evonas-devices { display: block }
  .evonas-devices > div:last-child { display: flex; overflow-x: auto; white-space: nowrap;
    gap: 1.2rem; padding: 0.3rem 0 }
}
</style>"""


@dataclass(frozen=True, slots=True)
class Best:
    """The most accurate network within a latency on a device; of equal ones the fastest.

    Attributes:
        arch_id: The network; None where none of the table is as fast.
        accuracy: Its AP.
        latency_ms: Its latency.
    """

    arch_id: str | None
    accuracy: float
    latency_ms: float


def every_device(choice: Choice) -> None:
    """Draws the best network on each device, with a link to it as Explore's axis and budget."""
    devices = [name for name in choice.objectives if name.startswith(_LATENCY)]
    scores = [name for name in choice.objectives if load_objective(name).unit == "AP"]
    if not devices or not scores:
        return
    score = choice.y if choice.y in scores else scores[0]
    view = choice.table
    predictors = tuple(predictor.checksum for predictor in view.predictors.values())
    limit, best = _best(
        str(view.path), table_version(view.path), predictors, choice.space, score, devices, view
    )
    source, *times = (
        view.provenance(name, choice.space).get("source", "source unknown")
        for name in (score, *devices)
    )
    sources = html.escape(f"{score} ({source}), times {' or '.join(sorted({*times}))}")
    cells = [_cell(choice, score, name, found, limit) for name, found in best.items()]
    st.html(
        f'{_STYLE}<div class="evonas-devices evonas-here">'
        f"<div><b>Best within {compact(limit)} ms on each device</b><br>"
        f"by {sources}; whole table</div>"
        f"<div>{''.join(cells)}</div></div>"
    )


def _cell(choice: Choice, score: str, name: str, best: Best, limit: float) -> str:
    device = html.escape(name.removeprefix(_LATENCY))
    if best.arch_id is None:
        return f"<div>{device}<br>none of this table</div>"
    link = html.escape(_address(choice, score, name, limit))
    return (
        f"<div>{device}<br><b>{best.accuracy:.3f} AP</b>, {compact(best.latency_ms)} ms<br>"
        f'<a href="{link}"><code>{html.escape(best.arch_id)}</code></a></div>'
    )


def _address(choice: Choice, score: str, device: str, limit: float) -> str:
    """Returns the address of Explore with a device as axis and the limit as its budget."""
    asked = {"table": choice.table_name, "space": choice.space, "y": score, "x": device}
    if choice.ranges[device][0] <= limit < choice.ranges[device][1]:
        asked[f"budget:{device}"] = f"{limit:g}"
    return f"?{urlencode(asked)}"


@st.cache_data(max_entries=16, show_spinner=False)
def _best(
    path: str,
    version: tuple[tuple[str, int, int], ...],
    predictors: tuple[str, ...],
    space: str,
    score: str,
    devices: list[str],
    _view: TableView,
) -> tuple[float, dict[str, Best]]:
    """Returns the limit and the best of each device; the first three say when they change."""
    values = _view.column(score, space)
    latencies = {name: _view.column(name, space) for name in devices}
    limit = round_limit(values, list(latencies.values()))
    rows = {name: best_within(values, latency, limit) for name, latency in latencies.items()}
    genotypes, ids = _view.genotypes(space), load_space(space).arch_ids
    return limit, {
        name: Best(None, math.nan, math.nan)
        if row is None
        else Best(ids(genotypes[[row]])[0], float(values[row]), float(latencies[name][row]))
        for name, row in rows.items()
    }


def best_within(values: Floats, latency: Floats, limit: float) -> int | None:
    """Returns the row of the largest value, (n,), within a latency, the fastest of equals."""
    rows = np.flatnonzero(np.isfinite(values) & (latency <= limit))
    if not len(rows):
        return None
    rows = rows[values[rows] == values[rows].max()]
    return int(rows[latency[rows].argmin()])


def round_limit(values: Floats, latencies: Sequence[Floats]) -> float:
    """Returns a latency that the fronts of most devices lie on both sides of: 1, 2 or 5 x 10^k.

    It is near the middle between a device's fastest network and its most accurate one, the median
    of the devices.

    Args:
        values: (n,) accuracies, larger is better.
        latencies: Per device (n,) milliseconds.
    """
    middles = []
    for latency in latencies:
        known = np.isfinite(values) & np.isfinite(latency) & (latency > 0)
        if known.any():
            most_accurate = latency[known][values[known].argmax()]
            middles.append((latency[known].min() + most_accurate) / 2)
    return _round(float(np.median(middles))) if middles else 1.0


def _round(value: float) -> float:
    """Returns the nearest of 1, 2 and 5 times a power of ten, by ratio.

    >>> [_round(value) for value in (0.73, 0.3, 40.0)]
    [1.0, 0.2, 50.0]
    """
    power = math.floor(math.log10(value))
    near = [float(f"{digit}e{power + up}") for up in (0, 1) for digit in (1, 2, 5)]
    return min(near, key=lambda number: abs(math.log(number / value)))
