"""Pictures of what genes do: their importance, the kinds on a front, what kinds buy."""

from collections.abc import Sequence

import numpy as np

from evonas.arrays import Floats
from evonas.errors import MissingPackageError
from evonas.figures.palette import BLUE, GREY, NEUTRAL, SERIES, VERMILION
from evonas.table.choices import KINDS, KindGains, KindShares
from evonas.table.importance import Importance

try:
    import plotly.graph_objects as go
except ImportError:
    raise MissingPackageError("plotly", "app") from None

_PATTERNS = ("", "/", ".", "x", "-", "+")  # beside the colours
_SCALE = [[0.0, VERMILION], [0.5, NEUTRAL], [1.0, BLUE]]  # less, as much, more
_LEAST_POINTS = 10.0  # percentage points of the strongest colour, at least
CELL_WIDTH = 70  # pixels that a cell with its texts needs
_CELL = 58  # pixels of a row


def gene_label(gene: str) -> str:
    """Returns a gene's name in words.

    >>> gene_label("stem.width"), gene_label("b2.width"), gene_label("b2.l1.op")
    ('stem width', 'block 2 width', 'block 2 layer 1')
    """
    words = gene.removesuffix(".op").split(".")
    long = {"b": "block", "l": "layer"}
    return " ".join(f"{long[w[0]]} {w[1:]}" if w[1:].isdigit() else w for w in words)


def importance_figure(found: Sequence[Importance]) -> go.Figure:
    """Draws a bar per gene and column, with the spread of its importance."""
    figure = go.Figure()
    for entry, colour, pattern in zip(found, SERIES, _PATTERNS, strict=False):
        shares = np.array([gene.share for gene in entry.genes])
        ends = np.array([(gene.low, gene.high) for gene in entry.genes])
        figure.add_trace(
            go.Bar(
                y=[gene_label(gene.gene) for gene in entry.genes],
                x=shares.clip(min=0),
                orientation="h",
                name=entry.column,
                marker={
                    "color": colour,
                    "pattern": {
                        "shape": pattern,
                        "fillmode": "overlay",
                        "fgcolor": "white",
                        "fgopacity": 0.6,
                        "size": 6,
                    },
                },
                error_x={
                    "type": "data",
                    "array": (ends[:, 1] - shares).clip(min=0),
                    "arrayminus": np.minimum(shares - ends[:, 0], shares).clip(min=0),
                    "thickness": 1.5,
                    "width": 3,
                    "color": GREY,
                },
                customdata=ends,
                hovertemplate="%{y}: %{x:.1%} of the variance (%{customdata[0]:.1%} to "
                "%{customdata[1]:.1%})<extra>" + entry.column + "</extra>",
            )
        )
    n_genes = max(len(entry.genes) for entry in found)
    figure.update_layout(
        barmode="group",
        xaxis={"title": "share of the variance that depends on it", "tickformat": ".0%"},
        yaxis={"autorange": "reversed", "dtick": 1},
        height=110 + n_genes * (14 + 12 * len(found)),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure


def shares_figure(data: KindShares) -> go.Figure:
    """Draws how often each kind is chosen on a front; colour says against the whole table."""
    more = 100 * (data.among - data.all)
    texts = [
        [
            "" if np.isnan(whole) else f"<b>{some:.0%}</b><br>of {whole:.0%}"
            for some, whole in zip(*row, strict=True)
        ]
        for row in zip(data.among, data.all, strict=True)
    ]
    hover = "%{y} at %{x}: %{z:+.0f} points on the front against the table<extra></extra>"
    largest = float(np.nanmax(np.abs(more), initial=_LEAST_POINTS))
    return _heat(data.positions, more, texts, largest, "points more", hover)


def gains_figure(data: KindGains, unit: str, price: str) -> go.Figure:
    """Draws what networks with a kind at a position have above others of the same price."""
    texts = [
        [
            "" if np.isnan(mean) else f"<b>{mean:+.3f}</b><br>±{error:.3f}"
            for mean, error in zip(*row, strict=True)
        ]
        for row in zip(data.mean, data.error, strict=True)
    ]
    known = np.abs(data.mean[np.isfinite(data.mean)])
    limit = float(known.max()) if len(known) else 1.0
    hover = f"%{{y}} at %{{x}}: %{{z:+.4f}} {unit} at equal {price}<extra></extra>"
    return _heat(data.positions, data.mean, texts, limit, f"{unit} more", hover)


def _heat(
    positions: Sequence[str],
    values: Floats,
    texts: Sequence[Sequence[str]],
    limit: float,
    title: str,
    hover: str,
) -> go.Figure:
    """Draws kinds over positions, (p, kinds), from -limit to limit."""
    used = [kind for kind in range(len(KINDS)) if np.isfinite(values[:, kind]).any()]
    figure = go.Figure(
        go.Heatmap(
            x=list(positions),
            y=[KINDS[kind] for kind in used],
            z=values.T[used],
            text=[[row[kind] for row in texts] for kind in used],
            texttemplate="%{text}",
            textfont={"size": 12},
            zmin=-limit,
            zmax=limit,
            colorscale=_SCALE,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": title, "side": "right"}, "thickness": 12},
            hovertemplate=hover,
            hoverongaps=False,
        )
    )
    figure.update_layout(
        height=70 + _CELL * len(used),
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        xaxis={"side": "top", "type": "category", "showgrid": False},
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False},
    )
    return figure
