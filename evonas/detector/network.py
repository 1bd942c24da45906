"""The detector in torch: one walk over an architecture, through units that hold the weights.

A `Network` owns a *unit* for every convolution and runs whatever architecture it is handed, each
unit giving the first input and output channels of its weights. Units as large as one
architecture make a plain static network (`Detector`); units as large as the largest architecture
of a space make a weight-sharing supernet (`evonas.supernet`).
"""

import copy
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from evonas.detector.rounding import rounded_map
from evonas.detector.unit import Unit
from evonas.space import Architecture, Conv, Layer

# Batch norm as published: decay 0.99 and epsilon 0.01 in the backbone, 0.97 and 0.001 in the head.
BACKBONE_NORM = {"momentum": 0.01, "eps": 0.01}
HEAD_NORM = {"momentum": 0.03, "eps": 0.001}

# Bias of the class logits at the start: everything is background with probability 0.99. The
# published configurations ask for it; their depthwise class head ignores it and starts at 0.
CLASS_BIAS = -4.6

# The published initialisation: He's by fan-in in the backbone (a depthwise kernel's fan-in being
# its own), truncated at two standard deviations; everything of the head has this deviation.
HEAD_STD = 0.03
_TRUNCATED = 0.87962566103423978  # standard deviation of a unit normal cut at two

# The convolutions of an op by the part they play. Kernel sizes share all but the spatial one.
ROLES = {
    "ibn0": ("spatial", "project"),
    "ibn": ("expand", "spatial", "project"),
    "fused": ("spatial", "project"),
    "tucker": ("reduce", "spatial", "project"),
}


class Traced(NamedTuple):
    """An output and all that led to it: architectures with equal traces have equal outputs."""

    trace: Hashable
    output: Tensor


class ActivationCache:
    """Outputs of one architecture, for the next one that begins alike.

    Architectures that share their first layers share these layers' outputs, bit for bit; scored
    in the order of their genotypes, a whole space takes a fraction of the time. It holds for one
    set of images and one set of weights.

    Args:
        keep_bytes: The most that it keeps; further outputs are computed anew.
    """

    def __init__(self, keep_bytes: int) -> None:
        self._space = self._keep_bytes = keep_bytes
        self._last: dict[Hashable, Tensor] = {}
        self._present: dict[Hashable, Tensor] = {}

    def step(
        self,
        compute: Callable[[Tensor, Sequence[tuple[str, Conv]], bool], Tensor],
        x: Traced,
        convs: Iterable[tuple[str, Conv]],
        residual: bool = False,
    ) -> Traced:
        """Returns what `compute` makes of x by way of these convolutions."""
        convs = tuple(convs)
        trace = (x.trace, convs, residual)
        output = self._last.get(trace) if self._last else None  # hashing is not free
        if output is None:
            output = compute(x.output, convs, residual)
        if output.nbytes <= self._space:
            self._present[trace] = output
            self._space -= output.nbytes
        return Traced(trace, output)

    def next_architecture(self) -> None:
        """Forgets all but what the present architecture left."""
        self._last, self._present, self._space = self._present, {}, self._keep_bytes


class Network(nn.Module):
    """Units by name, and the walk that runs an architecture through them.

    Args:
        convs: Every convolution it must be able to run, under the name of its unit.
        activation: The backbone's; the head always has ReLU6, as published.
        running: Whether batch norm keeps running statistics (static networks).
    """

    def __init__(self, convs: Iterable[tuple[str, Conv]], activation: str, running: bool) -> None:
        super().__init__()
        self.rounds = False
        largest: dict[str, Conv] = {}
        for name, conv in convs:
            largest[name] = _larger(largest.get(name, conv), conv)
        self.units = nn.ModuleDict()
        for name, conv in largest.items():
            head = name.startswith("head")
            self.units[name] = Unit(
                conv,
                "relu6" if head else activation,
                HEAD_NORM if head else BACKBONE_NORM,
                running,
            )
        for name in largest:
            unit = self.unit(name)
            if unit.largest.batch_norm:
                continue
            nn.init.normal_(unit.weight, std=0.01)
            if "classes" in name:
                nn.init.constant_(unit.bias, CLASS_BIAS)

    @torch.no_grad()
    def initialise_as_published(self) -> None:
        """Draws all convolutions anew as the published MobileDets; class biases stay at -4.6.

        Extra levels are truncated at two standard deviations, predictors are not, as published.
        """
        for name in self.units:
            unit = self.unit(name)
            if name.startswith("head"):
                _draw(unit.weight, HEAD_STD, truncated="stage" in name)
                continue
            for weight in (unit.weight, *(g.weight for g in (unit.squeeze, unit.excite) if g)):
                _draw(weight, (2 / weight[0].numel()) ** 0.5 / _TRUNCATED, truncated=True)
            for gate in (unit.squeeze, unit.excite):
                if gate is not None and gate.bias is not None:
                    nn.init.zeros_(gate.bias)

    def unit(self, name: str) -> Unit:
        """Returns the unit of that name."""
        unit = self.units[name]
        assert isinstance(unit, Unit)
        return unit

    def round_as_int8(self) -> None:
        """Makes the forward pass round as int8 would; for static networks with frozen norm."""
        self.rounds = True
        for name in self.units:
            self.unit(name).rounds = True

    def synchronise_norm(self) -> None:
        """Makes batch norm take its statistics over all processes that train together."""
        for name in self.units:
            self.unit(name).synchronised = True

    def run(
        self, images: Tensor, architecture: Architecture, reuse: ActivationCache | None = None
    ) -> tuple[Tensor, Tensor]:
        """Runs an architecture.

        Args:
            images: (n, 3, size, size) in [-1, 1].
            architecture: One that the units can hold.
            reuse: What the last architecture left behind, on the same images and weights; this
                one goes on from it and leaves its own.

        Returns:
            Box codes (n, n_anchors, 4) and class logits (n, n_anchors, class_slots).
        """
        boxes, classes = self.maps(images, architecture, reuse)
        return _rows(boxes, 4), _rows(classes, architecture.skeleton.head.class_slots)

    def maps(
        self, images: Tensor, architecture: Architecture, reuse: ActivationCache | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Runs an architecture and leaves the head's outputs as they are.

        Returns:
            For every level a map of box codes (n, anchors * 4, h, w), and one of class logits
            (n, anchors * class_slots, h, w).
        """
        reuse = reuse or ActivationCache(keep_bytes=0)
        step = partial(reuse.step, self.sequence)
        x = step(Traced((), images), [("stem", architecture.stem_conv())])
        outputs: dict[int, Traced] = {}
        for layer in architecture.layers():
            x = step(x, layer_convs(layer), layer.residual)
            outputs[layer.block] = x
        boxes: list[Tensor] = []
        classes: list[Tensor] = []
        for number, level in enumerate(architecture.levels()):
            x = outputs[level.source] if level.source else x
            x = step(x, level_convs(number, "stage", level.stage))
            boxes.append(step(x, level_convs(number, "boxes", level.boxes)).output)
            classes.append(step(x, level_convs(number, "classes", level.classes)).output)
        reuse.next_architecture()
        return boxes, classes

    def sequence(
        self, x: Tensor, convs: Iterable[tuple[str, Conv]], residual: bool = False
    ) -> Tensor:
        """Runs convolutions by the names of their units, one after the other.

        Args:
            x: (n, channels, height, width).
            convs: Names and convolutions.
            residual: Whether x is added to what comes out.
        """
        y = x
        for name, conv in convs:
            y = self.units[name](y, conv)
        if not residual:
            return y
        return rounded_map(x + y) if self.rounds else x + y


class Detector(Network):
    """A static network of one architecture."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(named_convs(architecture), architecture.skeleton.activation, running=True)
        self.architecture = architecture

    def forward(
        self, images: Tensor, reuse: ActivationCache | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns box codes (n, n_anchors, 4) and class logits (n, n_anchors, class_slots)."""
        return self.run(images, self.architecture, reuse)

    @torch.no_grad()
    def calibrate(self, images: Tensor, reuse: ActivationCache | None = None) -> None:
        """Sets the batch norm statistics to those of one batch, as if it were all the data.

        Layers whose output is reused get none: they must not run.
        """
        units = [self.unit(name) for name in self.units]
        momenta = [unit.momentum for unit in units]
        for unit in units:
            unit.momentum = 1.0
        training = self.training
        self.train()
        self(images, reuse)
        self.train(training)
        for unit, momentum in zip(units, momenta, strict=True):
            unit.momentum = momentum

    def folded(self) -> "Detector":
        """Returns the network for inference: itself, or a copy with all batch norm folded in."""
        if all(self.unit(name).scale is None for name in self.units):
            self.eval()
            return self
        copied = copy.deepcopy(self)
        copied.fold()
        return copied

    def fold(self) -> None:
        """Folds all batch norm into the convolutions; the network is for inference from then."""
        self.eval()
        for name in self.units:
            self.unit(name).fold()


def named_convs(architecture: Architecture) -> Iterator[tuple[str, Conv]]:
    """Yields every convolution of an architecture with the name of its unit."""
    yield "stem", architecture.stem_conv()
    for layer in architecture.layers():
        yield from layer_convs(layer)
    for number, level in enumerate(architecture.levels()):
        yield from level_convs(number, "stage", level.stage)
        yield from level_convs(number, "boxes", level.boxes)
        yield from level_convs(number, "classes", level.classes)


def layer_convs(layer: Layer) -> Iterator[tuple[str, Conv]]:
    """Yields a layer's convolutions with the names of their units.

    Kernel sizes and expansions of one kind of op share their 1x1 convolutions; each kernel size
    has a spatial convolution of its own; kinds share nothing (as in TuNAS).
    """
    for role, conv in zip(ROLES[layer.op.kind], layer.convs(), strict=True):
        kernel = str(layer.op.kernel) if role == "spatial" else ""
        yield f"b{layer.block}l{layer.index}_{layer.op.kind}_{role}{kernel}", conv


def level_convs(number: int, part: str, convs: Iterable[Conv]) -> Iterator[tuple[str, Conv]]:
    """Yields the convolutions of a part of a head level with the names of their units."""
    for i, conv in enumerate(convs):
        yield f"head{number}_{part}{i}", conv


def _draw(weight: Tensor, std: float, truncated: bool) -> None:
    if truncated:
        nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)
    else:
        nn.init.normal_(weight, std=std)


def _rows(maps: Sequence[Tensor], values: int) -> Tensor:
    """Returns the values of all anchors of maps (n, anchors * values, h, w) as rows."""
    return torch.cat([m.permute(0, 2, 3, 1).reshape(len(m), -1, values) for m in maps], 1)


def _larger(a: Conv, b: Conv) -> Conv:
    return replace(
        a,
        c_in=max(a.c_in, b.c_in),
        c_out=max(a.c_out, b.c_out),
        squeeze_excite=max(a.squeeze_excite, b.squeeze_excite),
    )
