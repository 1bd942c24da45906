"""Pictures of one architecture: a strip of its layers, and where its time goes."""

from collections.abc import Mapping, Sequence

from evonas.errors import MissingPackageError
from evonas.space.layers import LayerRow

try:
    import plotly.graph_objects as go
except ImportError:
    raise MissingPackageError("plotly", "app") from None

# Okabe-Ito colours with a pattern each, so that colour is not the only sign.
STYLES = {
    "ibn0": ("#999999", "."),
    "ibn": ("#56B4E9", ""),
    "fused": ("#E69F00", "/"),
    "tucker": ("#009E73", "x"),
}


def strip_figure(rows: list[LayerRow]) -> go.Figure:
    """Draws a bar a layer: as high as its map's side, as wide as its output channels."""
    figure = go.Figure()
    left = 0.0
    for kind, (colour, pattern) in STYLES.items():
        figure.add_trace(
            go.Bar(
                x=[None], y=[None], name=kind, marker={"color": colour, "pattern_shape": pattern}
            )
        )
    for row in rows:
        colour, pattern = STYLES[row.kind]
        figure.add_trace(
            go.Bar(
                x=[left + row.c_out / 2],
                y=[row.size],
                width=[row.c_out * 0.92],
                marker={"color": colour, "pattern_shape": pattern},
                text=row.layer,
                textposition="outside",
                hovertemplate=(
                    f"{row.layer} {row.op}<br>{row.c_in} to {row.c_out} channels, {row.size} px"
                    f"<br>{row.madds / 1e6:.2f} M MAdds<extra></extra>"
                ),
                showlegend=False,
            )
        )
        left += row.c_out
    highest = max(row.size for row in rows) * 1.15
    figure.update_layout(
        xaxis={"title": "output channels, layer after layer", "showticklabels": False},
        yaxis={
            "title": "side of the output map (px)",
            "range": [0, highest],
        },
        height=320,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.12},
        barmode="overlay",
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
