"""A detector as a flat list of tensor operations: what a runtime is given and a model counts.

The TFLite and ONNX writers, the features of the predictors and the analytic devices read the
same list. Maps are square; a node is named after the tensor it makes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from evonas.space import Architecture, Conv

NodeKind = Literal["conv", "add", "hard_swish", "mean", "logistic", "mul"]

IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    Attributes:
        name: The tensor it makes.
        kind: What it does; `mean` pools a map to one pixel, `mul` scales a map's channels.
        inputs: The tensors it reads; the first one is the map.
        size_in: Side of the map it reads.
        size: Side of the map it makes.
        channels: Channels it makes.
        conv: The convolution, for `conv`.
        relu6: Whether a convolution ends in ReLU6.
        weight: Whose weights it uses: index into the walk of the convolutions, and the part.
    """

    name: str
    kind: NodeKind
    inputs: tuple[str, ...]
    size_in: int
    size: int
    channels: int
    conv: Conv | None = None
    relu6: bool = False
    weight: tuple[int, Literal["main", "squeeze", "excite"]] = (0, "main")


@dataclass(frozen=True, slots=True)
class Graph:
    """The operations in order, from the tensor `image` to the box and class maps of the levels.

    `outputs` are the names of the maps, boxes then classes, level by level.
    """

    image_size: int
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]


def detector_graph(architecture: Architecture) -> Graph:
    """Returns the whole detector, its head included, post-processing excluded.

    Convolutions come in the order of `evonas.space.costs.placed_convs`.
    """
    builder = _Builder()
    h_swish = architecture.skeleton.activation == "h_swish"
    image_size = architecture.skeleton.image_size
    x, size = builder.convs("stem", [architecture.stem_conv()], IMAGE, image_size, h_swish)
    taps: dict[int, tuple[str, int]] = {}
    for layer in architecture.layers():
        name = f"b{layer.block}.l{layer.index}"
        y, size_out = builder.convs(name, layer.convs(), x, size, h_swish)
        x = builder.add(name, y, x, size_out, layer.c_out) if layer.residual else y
        size = size_out
        taps[layer.block] = x, size
    outputs = []
    for number, level in enumerate(architecture.levels()):
        x, size = taps[level.source] if level.source else (x, size)
        x, size = builder.convs(f"head{number}.stage", level.stage, x, size)
        outputs.append(builder.convs(f"head{number}.boxes", level.boxes, x, size)[0])
        outputs.append(builder.convs(f"head{number}.classes", level.classes, x, size)[0])
    return Graph(image_size, tuple(builder.nodes), tuple(outputs))


def layer_graph(
    convs: Sequence[Conv], size: int, *, residual: bool = False, h_swish: bool = False
) -> Graph:
    """Returns a graph of one block alone, on a map of its own input width."""
    builder = _Builder()
    x, size_out = builder.convs("block", convs, IMAGE, size, h_swish)
    if residual:
        x = builder.add("block", x, IMAGE, size_out, convs[-1].c_out)
    return Graph(size, tuple(builder.nodes), (x,))


def convolutions(graph: Graph) -> Iterator[tuple[Node, Conv]]:
    """Yields the convolution nodes with their convolutions."""
    for node in graph.nodes:
        if node.conv is not None:
            yield node, node.conv


class _Builder:
    """Collects nodes and counts the convolutions of the walk."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._walked = 0

    def convs(
        self, prefix: str, convs: Sequence[Conv], x: str, size: int, h_swish: bool = False
    ) -> tuple[str, int]:
        """Adds convolutions in sequence; returns the last tensor and its side."""
        for i, conv in enumerate(convs):
            name = f"{prefix}.{i}" if len(convs) > 1 else prefix
            size_out = -(-size // conv.stride)
            x = self._conv(name, conv, x, size, size_out, h_swish)
            if conv.squeeze_excite:
                x = self._gate(name, conv, x, size_out, h_swish)
            size = size_out
            self._walked += 1
        return x, size

    def add(self, prefix: str, y: str, x: str, size: int, channels: int) -> str:
        """Adds a residual sum."""
        return self._node(Node(f"{prefix}.sum", "add", (x, y), size, size, channels))

    def _conv(
        self,
        name: str,
        conv: Conv,
        x: str,
        size_in: int,
        size: int,
        h_swish: bool,
        part: Literal["main", "squeeze", "excite"] = "main",
    ) -> str:
        swish = conv.activation and h_swish
        x = self._node(
            Node(
                f"{name}.linear" if swish else name,
                "conv",
                (x,),
                size_in,
                size,
                conv.c_out,
                conv,
                relu6=conv.activation and not h_swish,
                weight=(self._walked, part),
            )
        )
        if swish:
            x = self._node(Node(name, "hard_swish", (x,), size, size, conv.c_out))
        return x

    def _gate(self, name: str, conv: Conv, x: str, size: int, h_swish: bool) -> str:
        """Adds squeeze-and-excite: pool, two biased 1x1 convolutions, sigmoid, product."""
        c, hidden = conv.c_out, conv.squeeze_excite
        pooled = self._node(Node(f"{name}.pool", "mean", (x,), size, 1, c))
        squeeze = Conv(c, hidden, batch_norm=False)
        excite = Conv(hidden, c, activation=False, batch_norm=False)
        y = self._conv(f"{name}.squeeze", squeeze, pooled, 1, 1, h_swish, "squeeze")
        y = self._conv(f"{name}.excite", excite, y, 1, 1, h_swish, "excite")
        y = self._node(Node(f"{name}.gate", "logistic", (y,), 1, 1, c))
        return self._node(Node(f"{name}.scaled", "mul", (x, y), size, size, c))

    def _node(self, node: Node) -> str:
        self.nodes.append(node)
        return node.name
