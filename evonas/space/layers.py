"""An architecture's layers as rows of a table."""

from dataclasses import dataclass

from evonas.space.architecture import Architecture
from evonas.space.costs import placed


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of the backbone; `size` is the side of its output map."""

    block: int
    layer: str
    op: str
    kind: str
    c_in: int
    c_out: int
    stride: int
    residual: bool
    size: int
    madds: int
    params: int


def layer_rows(architecture: Architecture) -> list[LayerRow]:
    """Returns the backbone's layers in order."""
    rows = []
    for layer in architecture.layers():
        convs = list(placed(layer.convs(), layer.size_in))
        rows.append(
            LayerRow(
                block=layer.block,
                layer=f"b{layer.block}.l{layer.index}",
                op=layer.op.name,
                kind=layer.op.kind,
                c_in=layer.c_in,
                c_out=layer.c_out,
                stride=layer.stride,
                residual=layer.residual,
                size=layer.size_out,
                madds=sum(conv.madds(size) for conv, size in convs),
                params=sum(conv.params() for conv, _ in convs),
            )
        )
    return rows
