"""Pictures of one architecture: a strip of its layers, and where its time goes."""

from collections.abc import Mapping, Sequence

from evonas.errors import MissingPackageError
from evonas.figures.palette import OPS
from evonas.space.layers import LayerRow

try:
    import plotly.graph_objects as go
except ImportError:
    raise MissingPackageError("plotly", "app") from None

_PATTERNS = {"ibn0": ".", "ibn": "", "fused": "/", "tucker": "x"}


def _pattern(shape: str) -> dict[str, object]:
    return {"shape": shape, "fillmode": "overlay", "fgcolor": "black", "fgopacity": 0.3, "size": 6}


def strip_scale(networks: Sequence[Sequence[LayerRow]]) -> tuple[float, float]:
    """Returns the largest sum of output channels and the largest side (px) of some networks."""
    channels = max(sum(row.c_out for row in rows) for rows in networks)
    return float(channels), float(max(row.size for rows in networks for row in rows))


def strip_figure(rows: Sequence[LayerRow], scale: tuple[float, float] | None = None) -> go.Figure:
    """Draws a bar per layer: as high as its map's side, as wide as its output channels.

    Args:
        rows: The layers.
        scale: Channels and side (px) that the picture spans, so that several compare; by default
            the network's own.
    """
    figure = go.Figure()
    for kind, pattern in _PATTERNS.items():
        marker = {"color": OPS[kind], "pattern": _pattern(pattern)}
        figure.add_trace(go.Bar(x=[None], y=[None], name=kind, marker=marker))
    left, middles = 0.0, dict[int, float]()
    for row in rows:
        colour, pattern = OPS[row.kind], _PATTERNS[row.kind]
        figure.add_trace(
            go.Bar(
                x=[left + row.c_out / 2],
                y=[row.size],
                width=[row.c_out * 0.92],
                marker={"color": colour, "pattern": _pattern(pattern)},
                text=row.layer,
                textposition="inside",
                insidetextfont={"color": "black"},
                hovertemplate=(
                    f"{row.layer} {row.op}<br>{row.c_in} to {row.c_out} channels, {row.size} px"
                    f"<br>{row.madds / 1e6:.2f} M MAdds<extra></extra>"
                ),
                showlegend=False,
            )
        )
        start = left if row.block not in middles else 2 * middles[row.block] - left
        left += row.c_out
        middles[row.block] = (start + left) / 2
    channels, side = scale or strip_scale([rows])
    figure.update_layout(
        xaxis={
            "title": "block; as wide as its layers' output channels",
            "tickvals": list(middles.values()),
            "ticktext": [f"{block}" for block in middles],
            "tickangle": 0,
            "showgrid": False,
            "range": [0, channels],
        },
        yaxis={"title": "side of the output map (px)", "range": [0, 1.05 * side]},
        height=320,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        barmode="overlay",
        # a label that does not fit its bar, upright or on its side, is left to the hover text
        uniformtext={"minsize": 9, "mode": "hide"},
    )
    return figure


def shares_figure(shares: Mapping[str, Sequence[float]]) -> go.Figure:
    """Draws a bar a device, divided by the share of its time that each block takes.

    Args:
        shares: By device, (n_blocks,) that add up to 1.
    """
    figure = go.Figure()
    devices = list(shares)
    for number, column in enumerate(zip(*shares.values(), strict=True)):
        # early blocks dark, late ones light: depth has an order, and so have the colours
        level = number / max(len(shares[devices[0]]) - 1, 1)
        colour = f"hsl(205, 70%, {25 + 55 * level:.0f}%)"
        figure.add_trace(
            go.Bar(
                y=devices,
                x=column,
                orientation="h",
                name=f"block {number + 1}",
                marker={"color": colour, "line": {"color": "white", "width": 1}},
                text=[f"{share:.0%}" if share > 0.04 else "" for share in column],
                textposition="inside",
                hovertemplate=f"%{{y}}: block {number + 1} takes %{{x:.1%}}<extra></extra>",
            )
        )
    figure.update_layout(
        barmode="stack",
        xaxis={"title": "share of the latency", "tickformat": ".0%"},
        yaxis={"autorange": "reversed"},
        height=120 + 40 * len(devices),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.2, "traceorder": "normal"},
    )
    return figure
