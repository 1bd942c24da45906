"""Draws a supernet's scores against trained AP with plotly."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evonas.arrays import Floats
from evonas.errors import MissingPackageError
from evonas.figures.palette import GREY, OPS
from evonas.ranking import Truth, op_mixes

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_STYLES = {
    "ibn": (OPS["ibn"], "circle"),
    "fused": (OPS["fused"], "square"),
    "tucker": (OPS["tucker"], "diamond"),
    "mixed": (GREY, "x"),
}
_SMALLEST, _LARGEST = 6.0, 18.0  # markers, in pixels


@dataclass(frozen=True, slots=True, eq=False)
class RankSeries:
    """The networks in which one kind of op is the most frequent.

    Attributes:
        mix: The kind of op.
        scores: (k,) AP by the supernet.
        trained: (k,) AP by training, the mean over seeds.
        error: (k,) standard deviation between seeds over the root of their number; NaN if unknown.
        sizes: (k,) diameters in pixels, larger for more multiply-adds.
        text: (k,) what a marker is.
    """

    mix: str
    scores: Floats
    trained: Floats
    error: Floats
    sizes: Floats
    text: list[str]


def rank_data(truth: Truth, scores: Floats) -> list[RankSeries]:
    """Returns a series for each op mix that occurs.

    Args:
        truth: n trained architectures.
        scores: (n,) the supernet's AP.
    """
    mixes = np.array(op_mixes(truth.space, truth.genotypes))
    arch_ids = np.array(truth.space.arch_ids(truth.genotypes))
    madds = truth.costs["madds"]
    error = truth.seed_std / np.sqrt(truth.n_runs)
    sizes = _SMALLEST + (_LARGEST - _SMALLEST) * np.sqrt(madds / madds.max())
    series = []
    for mix in _STYLES:
        rows = np.flatnonzero(mixes == mix)
        if len(rows):
            text = [f"{arch_ids[row]}<br>{madds[row] / 1e6:.1f} M MAdds" for row in rows]
            series.append(
                RankSeries(mix, scores[rows], truth.ap[rows], error[rows], sizes[rows], text)
            )
    return series


def rank_figure(series: list[RankSeries], title: str) -> "Figure":
    """Draws the series in one panel.

    Raises:
        MissingPackageError: plotly is not installed.
    """
    try:
        from plotly.graph_objects import Figure, Scatter
    except ImportError:
        raise MissingPackageError("plotly", "app") from None

    figure = Figure()
    for part in series:
        colour, symbol = _STYLES[part.mix]
        bars = {"type": "data", "array": part.error, "color": colour, "thickness": 1, "width": 0}
        figure.add_trace(
            Scatter(
                x=part.scores,
                y=part.trained,
                error_y=bars if np.isfinite(part.error).all() else None,
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": part.sizes, "opacity": 0.8},
                text=part.text,
                hovertemplate="%{text}<br>supernet %{x:.3f}, trained %{y:.3f}<extra></extra>",
                name=f"most often {part.mix}" if part.mix != "mixed" else part.mix,
            )
        )
    figure.update_layout(
        title=title,
        template="plotly_white",
        height=640,
        xaxis={"title": "AP of the sub-network, weights of the supernet (higher is better)"},
        yaxis={"title": "AP trained from scratch (higher is better)"},
        legend={"orientation": "h", "y": -0.14},
    )
    return figure
