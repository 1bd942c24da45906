"""One detector architecture: a frozen value from which every consumer reads the same layers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from evonas.space.blocks import Activation, Conv, Op, op_convs


@dataclass(frozen=True, slots=True)
class AnchorShapes:
    """What a head's anchors look like; weights of one network can be trained for any.

    Attributes:
        scales: Smallest and largest anchor side over the image side.
        aspect_ratios: Width over height of the anchors of a location at the level's scale.
        interpolated_ratio: That of one more, between the level's scale and the next one's.
    """

    scales: tuple[float, float]
    aspect_ratios: tuple[float, ...]
    interpolated_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Head:
    """The SSDLite head.

    Each level predicts boxes and classes with a depthwise 3x3 and a biased 1x1 convolution. The
    first levels read the taps, each further level an extra stage on the level before: 1x1 to
    half the depth, depthwise 3x3 of stride 2, 1x1 to the depth.

    Attributes:
        taps: Block numbers (from 1) whose outputs feed the first levels.
        extra_depths: Channels of the extra levels.
        scales: Smallest and largest anchor side over the image side.
        aspect_ratios: Width over height of the anchors of a location at the level's scale.
        interpolated_ratio: That of one more, between the level's scale and the next one's.
        reduced_first_level: The first level has three anchors only, as in TensorFlow's SSD.
        class_slots: Class logits per anchor.
        projection: Channels of a 1x1 convolution between each tap and its predictors; 0 for none.
    """

    taps: tuple[int, ...]
    extra_depths: tuple[int, ...]
    scales: tuple[float, float]
    aspect_ratios: tuple[float, ...]
    reduced_first_level: bool
    class_slots: int
    interpolated_ratio: float = 1.0
    projection: int = 0

    @property
    def anchors(self) -> AnchorShapes:
        """The shapes of its anchors."""
        return AnchorShapes(self.scales, self.aspect_ratios, self.interpolated_ratio)

    @property
    def n_levels(self) -> int:
        """Number of feature maps that predict."""
        return len(self.taps) + len(self.extra_depths)

    def anchors_per_location(self, level: int) -> int:
        """Anchors at each location of a level."""
        return 3 if level == 0 and self.reduced_first_level else len(self.aspect_ratios) + 1


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What all architectures of a space have in common."""

    image_size: int
    strides: tuple[int, ...]
    activation: Activation
    squeeze_excite: bool
    head: Head

    def with_classes(self, n_classes: int) -> "Skeleton":
        """Returns the same with that many class logits per anchor."""
        return replace(self, head=replace(self.head, class_slots=n_classes))

    def with_anchors(self, anchors: AnchorShapes) -> "Skeleton":
        """Returns the same with other anchors, as many."""
        assert len(anchors.aspect_ratios) == len(self.head.aspect_ratios)
        return replace(
            self,
            head=replace(
                self.head,
                scales=anchors.scales,
                aspect_ratios=anchors.aspect_ratios,
                interpolated_ratio=anchors.interpolated_ratio,
            ),
        )

    def differences(self, other: "Skeleton") -> list[str]:
        """Returns in words what makes other networks of the same genotypes.

        Classes and the shapes of as many anchors do not.
        """
        theirs = other.with_classes(self.head.class_slots)
        if len(theirs.head.aspect_ratios) == len(self.head.aspect_ratios):
            theirs = theirs.with_anchors(self.head.anchors)
        names = ("image_size", "strides", "activation", "squeeze_excite", "head")
        return [
            name.replace("_", " ") for name in names if getattr(self, name) != getattr(theirs, name)
        ]


@dataclass(frozen=True, slots=True)
class Layer:
    """One backbone layer in its place. `block` and `index` count from 1; sizes are map sides."""

    block: int
    index: int
    op: Op
    c_in: int
    c_out: int
    stride: int
    size_in: int
    squeeze_excite: bool

    @property
    def residual(self) -> bool:
        """Whether the input is added: by position, all layers of a block but the first."""
        return self.index > 1

    @property
    def size_out(self) -> int:
        """Side of the output map."""
        return -(-self.size_in // self.stride)

    def convs(self) -> tuple[Conv, ...]:
        """The layer's convolutions in order."""
        return op_convs(self.op, self.c_in, self.c_out, self.stride, self.squeeze_excite)


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the head: what it reads, the stage on that, its map's side, two predictors.

    `source` is the block whose output it reads, or 0 for the stage of the level before.
    """

    source: int
    size_in: int
    size: int
    stage: tuple[Conv, ...]
    boxes: tuple[Conv, ...]
    classes: tuple[Conv, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Layers of one width; the first one may have a stride and never a residual."""

    width: int
    ops: tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class Architecture:
    """A detector: the skeleton, the stem's width and the blocks."""

    skeleton: Skeleton
    stem: int
    blocks: tuple[Block, ...]

    def with_classes(self, n_classes: int) -> "Architecture":
        """Returns the same network with that many class logits per anchor."""
        return replace(self, skeleton=self.skeleton.with_classes(n_classes))

    def with_anchors(self, anchors: AnchorShapes) -> "Architecture":
        """Returns the same network with other anchors, as many."""
        return replace(self, skeleton=self.skeleton.with_anchors(anchors))

    def stem_conv(self) -> Conv:
        """The 3x3 convolution of stride 2 on the image."""
        return stem_conv(self.stem)

    def layers(self) -> Iterator[Layer]:
        """Yields the backbone's layers in order."""
        c_in, size = self.stem, -(-self.skeleton.image_size // 2)
        se = self.skeleton.squeeze_excite
        for number, (block, stride) in enumerate(
            zip(self.blocks, self.skeleton.strides, strict=True), start=1
        ):
            for index, op in enumerate(block.ops, start=1):
                step = stride if index == 1 else 1
                yield Layer(number, index, op, c_in, block.width, step, size, se)
                c_in, size = block.width, -(-size // step)

    def levels(self) -> tuple[Level, ...]:
        """The head's levels, finest first."""
        widths = [self.blocks[tap - 1].width for tap in self.skeleton.head.taps]
        return head_levels(self.skeleton, widths)


def stem_conv(width: int) -> Conv:
    """The 3x3 convolution of stride 2 that makes so many channels of an image."""
    return Conv(3, width, kernel=3, stride=2)


def map_sizes(skeleton: Skeleton) -> tuple[int, ...]:
    """Sides of the maps: after the stem, then after each block."""
    sizes = [-(-skeleton.image_size // 2)]
    for stride in skeleton.strides:
        sizes.append(-(-sizes[-1] // stride))
    return tuple(sizes)


def head_levels(skeleton: Skeleton, tap_widths: list[int]) -> tuple[Level, ...]:
    """Returns the head's levels for the given widths of the tapped blocks."""
    head = skeleton.head
    sizes = map_sizes(skeleton)
    levels: list[Level] = []

    def add(source: int, size_in: int, size: int, stage: tuple[Conv, ...], width: int) -> None:
        depthwise = Conv(width, width, kernel=3, depthwise=True)
        anchors = head.anchors_per_location(len(levels))
        boxes, classes = (
            (depthwise, Conv(width, anchors * values, activation=False, batch_norm=False))
            for values in (4, head.class_slots)
        )
        levels.append(Level(source, size_in, size, stage, boxes, classes))

    for tap, width in zip(head.taps, tap_widths, strict=True):
        project = (Conv(width, head.projection),) if head.projection else ()
        add(tap, sizes[tap], sizes[tap], project, head.projection or width)
    source, size, width = head.taps[-1], sizes[head.taps[-1]], tap_widths[-1]
    for depth in head.extra_depths:
        half = depth // 2
        reduce = Conv(half, half, kernel=3, stride=2, depthwise=True)
        add(source, size, -(-size // 2), (Conv(width, half), reduce, Conv(half, depth)), depth)
        source, size, width = 0, -(-size // 2), depth
    return tuple(levels)
