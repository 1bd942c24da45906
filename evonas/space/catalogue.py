"""The spaces by name: `BASE[-SUBSPACE][@RULES]`, for example `nano`, `mobiledet-ibn@cpu`.

`BASE-early` and `BASE-late` have regular convolutions in one half of their blocks only.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from evonas.errors import unknown_name
from evonas.space.architecture import Head, Skeleton
from evonas.space.blocks import Activation, Op, OpKind, round_channels
from evonas.space.space import SearchSpace
from evonas.space.walk import BlockSpace

MULTIPLIERS = (0.5, 0.625, 0.75, 1.0, 1.25, 1.5, 2.0)

# What each sub-space may use beside IBN0; "tdb" is the whole space and has no suffix.
SUBSPACES: dict[str, tuple[OpKind, ...]] = {
    "ibn": ("ibn0", "ibn"),
    "ibn+fused": ("ibn0", "ibn", "fused"),
    "tdb": ("ibn0", "ibn", "fused", "tucker"),
}

# Small spaces of their own names, whose networks are all in `nano`.
_PARTS_OF_NANO = ("pico", "femto")

# Halves of the blocks in which Fused and Tucker may stand; in the other one only what `ibn` has.
PLACEMENTS = ("early", "late")


@dataclass(frozen=True, slots=True)
class DeviceRules:
    """What a device's runtime wants of every network."""

    activation: Activation = "relu6"
    squeeze_excite: bool = False
    kernels: tuple[int, ...] = (3, 5)
    width_divisor: int = 8


# Read off the released networks; the GPU network's widths of 128 need rounding to 16.
RULES = {
    "cpu": DeviceRules(activation="h_swish", squeeze_excite=True),
    "dsp": DeviceRules(kernels=(3,)),
    "edgetpu": DeviceRules(),
    "gpu": DeviceRules(kernels=(3,), width_divisor=16),
}


def tdb_ops(kernels: tuple[int, ...] = (3, 5)) -> tuple[Op, ...]:
    """Returns the ops of the TDB space in gene order; Tucker has kernel 3 only."""
    ops = [
        Op(kind, kernel, expansion)
        for kind in ("ibn", "fused")
        for kernel in kernels
        for expansion in (4, 8)
    ]
    ops += [Op("tucker", 3, ratio_in=i, ratio_out=o) for i in (0.25, 0.75) for o in (0.25, 0.75)]
    return tuple(ops)


def load_space(name: str) -> SearchSpace:
    """Returns the space of that name.

    Raises:
        ConfigurationError: No space has the name.

    >>> load_space("pico").n_genes
    7
    """
    spaces = _spaces()
    if name not in spaces:
        raise unknown_name("space", name, spaces)
    return spaces[name]


def whole_space(name: str) -> str:
    """Returns the name of the space of which the named one is a part, or its own name.

    >>> whole_space("pico"), whole_space("mobiledet-ibn@cpu"), whole_space("nano")
    ('nano', 'mobiledet@cpu', 'nano')
    """
    base, at, rules = name.partition("@")
    base = base.partition("-")[0]
    return ("nano" if base in _PARTS_OF_NANO else base) + at + rules


def list_spaces() -> list[str]:
    """Returns the names of all spaces."""
    return list(_spaces())


@lru_cache
def _spaces() -> dict[str, SearchSpace]:
    spaces: list[SearchSpace] = []
    for whole in (_nano, _mobiledet):
        for rules in (None, *RULES):
            spaces += [_subspace(whole(rules), subspace) for subspace in reversed(SUBSPACES)]
            if rules is None:
                spaces += [_placed(whole(None), half) for half in PLACEMENTS]
    first = len(SUBSPACES) + len(PLACEMENTS)
    spaces[first:first] = [_pico(), _femto()]
    return {space.name: space for space in spaces}


def _subspace(space: SearchSpace, subspace: str) -> SearchSpace:
    """Keeps the ops of a sub-space; the whole space keeps its name."""
    kinds = SUBSPACES[subspace]
    blocks = tuple(_keep(block, kinds) for block in space.blocks)
    base, at, rules = space.name.partition("@")
    name = space.name if subspace == "tdb" else f"{base}-{subspace}{at}{rules}"
    return replace(space, name=name, blocks=blocks)


def _placed(space: SearchSpace, half: str) -> SearchSpace:
    """Keeps Fused and Tucker in one half of the blocks."""
    count = len(space.blocks)
    kept = range(count // 2) if half == "early" else range(count // 2, count)
    blocks = tuple(
        block if number in kept else _keep(block, SUBSPACES["ibn"])
        for number, block in enumerate(space.blocks)
    )
    return replace(space, name=f"{space.name}-{half}", blocks=blocks)


def _keep(block: BlockSpace, kinds: tuple[OpKind, ...]) -> BlockSpace:
    """Keeps a block's ops of some kinds."""
    return replace(
        block,
        first=tuple(op for op in block.first if op.kind in kinds),
        further=tuple(op for op in block.further if op.kind in kinds),
    )


def _mobiledet(device: str | None) -> SearchSpace:
    """The paper's space at 320x320 (mobiledets.md, section 2)."""
    rules = RULES[device] if device else DeviceRules()
    ops = tdb_ops(rules.kernels)
    no_expansion = _no_expansion(rules)
    bases, depths = (16, 32, 48, 96, 96, 160, 192), (1, 4, 4, 4, 4, 4, 1)

    def widths(base: int) -> tuple[int, ...]:
        return tuple(sorted({round_channels(base * m, rules.width_divisor) for m in MULTIPLIERS}))

    blocks = tuple(
        BlockSpace(
            widths(base),
            (*no_expansion, *ops) if number == 1 else ops,
            ops if depth > 1 else (),
            depth,
        )
        for number, (base, depth) in enumerate(zip(bases, depths, strict=True), start=1)
    )
    head = Head(
        taps=(5, 7),
        extra_depths=(512, 256, 256, 128),
        scales=(0.2, 0.95),
        aspect_ratios=(1.0, 2.0, 0.5, 3.0, 1 / 3),
        reduced_first_level=True,
        class_slots=91,
    )
    skeleton = Skeleton(
        image_size=320,
        strides=(1, 2, 2, 2, 1, 2, 1),
        activation=rules.activation,
        squeeze_excite=rules.squeeze_excite,
        head=head,
    )
    return SearchSpace(_under("mobiledet", device), skeleton, widths(32), blocks)


# `nano` at 64x64: maps of 32, 32, 16, 8 and 4. The widths leave no Tucker ranks that coincide;
# the last block's is held in a narrow range, three blocks are tapped and the heads read
# projections of fixed width, so that no single width decides what a network is worth. Anchors
# are shaped for digits.
_NANO_SKELETON = Skeleton(
    image_size=64,
    strides=(1, 2, 2, 2),
    activation="relu6",
    squeeze_excite=False,
    head=Head(
        taps=(2, 3, 4),
        extra_depths=(64,),
        scales=(0.16, 0.6),
        aspect_ratios=(0.5, 0.8),
        reduced_first_level=False,
        class_slots=10,
        interpolated_ratio=0.62,
        projection=64,
    ),
)


def _nano(device: str | None) -> SearchSpace:
    rules = RULES[device] if device else DeviceRules()
    ops = tdb_ops(rules.kernels)

    def widths(*channels: int) -> tuple[int, ...]:
        return tuple(c for c in channels if c % rules.width_divisor == 0)

    blocks = (
        BlockSpace(widths(16, 24), (*_no_expansion(rules), *ops)),
        BlockSpace(widths(16, 24, 32, 40), ops, ops, depth=3),
        BlockSpace(widths(24, 32, 40, 48), ops, ops, depth=3),
        BlockSpace(widths(48, 56, 64, 72), ops, ops, depth=3),
    )
    skeleton = replace(
        _NANO_SKELETON, activation=rules.activation, squeeze_excite=rules.squeeze_excite
    )
    return SearchSpace(_under("nano", device), skeleton, widths(16, 24), blocks)


def _no_expansion(rules: DeviceRules) -> tuple[Op, ...]:
    return tuple(Op("ibn0", kernel) for kernel in rules.kernels)


def _under(name: str, device: str | None) -> str:
    return f"{name}@{device}" if device else name


def _pico() -> SearchSpace:
    """A sub-space of `nano` small enough to score exhaustively."""
    ibn, fused = Op("ibn", 3, 4), Op("fused", 3, 4)
    tucker = Op("tucker", 3, ratio_in=0.75, ratio_out=0.75)
    wide_ibn, wide_fused = Op("ibn", 5, 8), Op("fused", 3, 8)
    blocks = (
        BlockSpace((16,), (Op("ibn0", 3), tucker)),
        BlockSpace((24,), (ibn, wide_ibn, fused, wide_fused), (ibn, wide_ibn, fused, tucker), 2),
        BlockSpace((40,), (ibn, wide_ibn, fused, wide_fused), (ibn, wide_ibn, fused, tucker), 2),
        BlockSpace((64,), (ibn, wide_ibn, fused, tucker), (ibn, wide_ibn, fused, tucker), 2),
    )
    return SearchSpace("pico", _NANO_SKELETON, (16,), blocks)


def _femto() -> SearchSpace:
    """A sub-space of `nano` small enough to train exhaustively, chosen for genes that interact.

    A narrow Tucker convolution starves what comes after it, unless further layers make good for
    it. Its networks train fast, as no map of 32x32 is expanded.
    """
    narrow = Op("tucker", 3, ratio_in=0.25, ratio_out=0.25)
    starving = Op("tucker", 3, ratio_in=0.75, ratio_out=0.25)
    ibn, small_ibn, fused = Op("ibn", 5, 4), Op("ibn", 3, 4), Op("fused", 3, 4)
    blocks = (
        BlockSpace((16,), (Op("ibn0", 3), narrow)),
        BlockSpace((16, 40), (ibn, starving), (small_ibn,), depth=3),
        BlockSpace((24, 48), (ibn, fused, narrow), (fused,), depth=2),
        BlockSpace((56,), (fused,)),
    )
    return SearchSpace("femto", _NANO_SKELETON, (16, 24), blocks)
