"""One architecture as a strip of its layers, and where its multiply-adds are."""

from dataclasses import dataclass

import plotly.graph_objects as go

from evonas.space import Architecture
from evonas.space.costs import placed

# Okabe-Ito colours with a pattern each, so that colour is not the only sign.
STYLES = {
    "ibn0": ("#999999", "."),
    "ibn": ("#56B4E9", ""),
    "fused": ("#E69F00", "/"),
    "tucker": ("#009E73", "x"),
}


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer as a row of a table; `madds` is in millions, `size` the output's side."""

    layer: str
    op: str
    kind: str
    c_in: int
    c_out: int
    stride: int
    size: int
    madds: float
    params: int


def layer_rows(architecture: Architecture) -> list[LayerRow]:
    """Returns the backbone's layers in order."""
    rows = []
    for layer in architecture.layers():
        convs = list(placed(layer.convs(), layer.size_in))
        rows.append(
            LayerRow(
                f"b{layer.block}.l{layer.index}",
                layer.op.name,
                layer.op.kind,
                layer.c_in,
                layer.c_out,
                layer.stride,
                layer.size_out,
                sum(conv.madds(size) for conv, size in convs) / 1e6,
                sum(conv.params() for conv, _ in convs),
            )
        )
    return rows


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
                    f"<br>{row.madds:.2f} M MAdds<extra></extra>"
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
