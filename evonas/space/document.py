"""A space as a YAML document: what it may say, checked with messages that name file and line."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast, get_args

from evonas.space.architecture import AnchorShapes, Head, Skeleton
from evonas.space.blocks import Activation, Op, round_channels
from evonas.space.checks import LARGEST_WIDTH, MOST_CHOICES, MOST_LAYERS, NAME
from evonas.space.located import Located, read_located
from evonas.space.rules import KERNELS, RULES, DeviceRules, ops_of
from evonas.space.space import SearchSpace
from evonas.space.walk import BlockSpace

SIZES = (32, 640, 32)  # of images: smallest, largest, step

KEYS = (
    "version", "name", "image_size", "rules", "multipliers", "stem", "ops", "blocks", "head",
    "anchors", "parts", "part_of",
)  # fmt: skip
_VERSION = 1
BLOCK_KEYS = ("width", "multipliers", "widths", "depth", "stride", "first", "ops")
_STEM = ("width", "multipliers", "widths")
_HEAD = ("taps", "extra_depths", "reduced_first_level", "class_slots", "projection")
_ANCHORS = ("scales", "aspect_ratios", "interpolated_ratio")
_RULES = ("activation", "squeeze_excite", "kernels", "width_divisor")
_MOST_CELLS = 200_000  # a table over them is made for every predictor
_MOST_BLOCKS = 16


def read_document(text: str, source: str) -> Located:
    """Reads a document and checks its keys; see `space_of` for its values.

    Raises:
        ConfigurationError: No YAML, an unknown key, one that is missing, or a newer version.
    """
    document = read_located(text, source)
    top = document.fields(KEYS, ("name", "image_size", "stem", "blocks", "head", "anchors"))
    if "version" in top and top["version"].whole(1, 10**6) > _VERSION:
        raise top["version"].error(
            f"{top['version'].value} is newer than this evonas, which reads {_VERSION}"
        )
    return document


def space_of(document: Located, rules: str | None = None) -> SearchSpace:
    """Returns the space of a document.

    Args:
        document: As `read_document` returns it.
        rules: Rules instead of the document's own; the space is named after them.

    Raises:
        ConfigurationError: A value that is not allowed; the message names file and line.
    """
    top = document.fields(KEYS)
    name = top["name"]
    if not isinstance(name.value, str) or not NAME.fullmatch(name.value):
        raise name.error(
            f"{name.shown}: 1 to 40 lower-case letters, digits and hyphens are allowed"
        )
    low, high, step = SIZES
    size = top["image_size"].whole(low, high, step)
    own = _rules(top["rules"]) if "rules" in top else DeviceRules()
    device = RULES[rules] if rules else own
    widths = partial(_widths, multipliers=top.get("multipliers"), divisor=device.width_divisor)
    ops = partial(_ops, kernels=device.kernels)
    stem = top["stem"]
    stems = widths(stem, stem.fields(_STEM))
    read = [_block(block, top.get("ops"), widths, ops) for block in top["blocks"].items(1, 16)]
    head = _head(top["head"].fields(_HEAD, ("taps", "class_slots")), _anchors(top["anchors"]))
    for tap, found in zip(head.taps, top["head"].value["taps"].value, strict=True):
        if tap > len(read):
            raise found.error(f"block {tap} is not there; there are {len(read)} blocks")
    strides = tuple(stride for _, stride in read)
    skeleton = Skeleton(size, strides, device.activation, device.squeeze_excite, head)
    full_name = f"{name.value}@{rules}" if rules else name.value
    space = SearchSpace(full_name, skeleton, stems, tuple(block for block, _ in read))
    _check_whole(space, top["blocks"])
    return space


def _check_whole(space: SearchSpace, where: Located) -> None:
    if not space.n_genes:
        raise where.error("there is nothing to choose: no decision has two choices")
    if space.n_cells > _MOST_CELLS:
        raise where.error(
            f"{space.n_cells:,} combinations of layers, widths and ops; at most {_MOST_CELLS:,} "
            "are allowed: name fewer widths or ops"
        )


def _rules(found: Located) -> DeviceRules:
    if isinstance(found.value, str):
        return RULES[found.choice(tuple(RULES))]
    fields = found.fields(_RULES)
    own = DeviceRules()
    activation = fields.get("activation")
    kernels = fields.get("kernels")
    return DeviceRules(
        cast("Activation", activation.choice(get_args(Activation))) if activation else "relu6",
        fields["squeeze_excite"].flag() if "squeeze_excite" in fields else False,
        kernels.distinct(1, 3, _kernel, rising=True) if kernels else own.kernels,
        fields["width_divisor"].whole(8, 64, 8) if "width_divisor" in fields else 8,
    )


def _kernel(found: Located) -> int:
    if found.value not in KERNELS or type(found.value) is not int:
        raise found.error(f"{found.shown}: kernels of {', '.join(map(str, KERNELS))} are allowed")
    return int(found.value)


def _widths(
    where: Located, fields: dict[str, Located], multipliers: Located | None, divisor: int
) -> tuple[int, ...]:
    """Returns the widths listed, as far as the rules allow, or a width times the multipliers."""
    if ("widths" in fields) == ("width" in fields):
        raise where.error("name either 'widths', or a 'width' that the multipliers are times")
    if "widths" in fields:
        found = fields["widths"]
        listed = found.distinct(
            1, MOST_CHOICES, lambda item: item.whole(8, LARGEST_WIDTH, 8), rising=True
        )
        widths = tuple(width for width in listed if width % divisor == 0)
        if not widths:
            raise found.error(f"the rules want multiples of {divisor}, and there is none")
        return widths
    base, times = fields["width"].whole(8, LARGEST_WIDTH), fields.get("multipliers", multipliers)
    factors = times.distinct(1, 12, lambda item: item.number(0.05, 16)) if times else (1.0,)
    widths = tuple(sorted({round_channels(base * factor, divisor) for factor in factors}))
    if widths[-1] > LARGEST_WIDTH:
        raise where.error(f"a width of {widths[-1]}; at most {LARGEST_WIDTH} are allowed")
    return widths


def _ops(found: Located, kernels: tuple[int, ...], most: int) -> tuple[Op, ...]:
    """Returns the ops named, each by its own name or its kind, as far as the rules allow."""
    named: list[Op] = []
    for item in found.items(1, MOST_CHOICES):
        ops = ops_of(item.value, kernels) if isinstance(item.value, str) else ()
        if not ops:
            raise item.error(
                f"there is no op {item.shown}; there are the kinds ibn0, ibn, fused and tucker, "
                "and ops such as ibn0_k3, ibn_k5_e8, fused_k3_e4 and tucker_k3_0.25_0.75 with "
                "kernels of 3, 5, 7 (Tucker: 3) and expansions of 1 to 12"
            )
        for op in ops:
            if op in named:
                raise item.error(f"the op {op.name} stands here twice")
        named += [op for op in ops if op.kernel in kernels or op.kind == "tucker"]
    if not 1 <= len(named) <= most:
        raise found.error(f"{len(named)} ops that the rules allow; 1 to {most} are possible")
    return tuple(named)


def _block(
    where: Located,
    common: Located | None,
    widths: Callable[..., tuple[int, ...]],
    ops: Callable[..., tuple[Op, ...]],
) -> tuple[BlockSpace, int]:
    """Returns a block and its stride."""
    fields = where.fields(BLOCK_KEYS)
    own = fields.get("ops", common)
    first = fields.get("first", own)
    depth = fields["depth"].whole(1, MOST_LAYERS) if "depth" in fields else 1
    stride = fields["stride"].whole(1, 2) if "stride" in fields else 1
    if first is None or (depth > 1 and own is None):
        raise where.error("lacks 'ops', which are not named for all blocks either")
    further = ops(own, most=MOST_CHOICES - 1) if depth > 1 else ()
    return BlockSpace(widths(where, fields), ops(first, most=MOST_CHOICES), further, depth), stride


def _head(fields: dict[str, Located], anchors: AnchorShapes) -> Head:
    extra = fields.get("extra_depths")
    return Head(
        taps=fields["taps"].distinct(1, 6, lambda item: item.whole(1, _MOST_BLOCKS), rising=True),
        extra_depths=tuple(item.whole(16, 1024, 2) for item in extra.items(0, 8)) if extra else (),
        scales=anchors.scales,
        aspect_ratios=anchors.aspect_ratios,
        reduced_first_level=_or(fields, "reduced_first_level", Located.flag, False),
        class_slots=fields["class_slots"].whole(1, 10_000),
        interpolated_ratio=anchors.interpolated_ratio,
        projection=_or(fields, "projection", lambda item: item.whole(0, 1024, 8), 0),
    )


def _anchors(found: Located) -> AnchorShapes:
    fields = found.fields(_ANCHORS, ("scales", "aspect_ratios"))
    low, high = (item.number(0.001, 1) for item in fields["scales"].items(2, 2))
    if low > high:
        raise fields["scales"].error(f"the smallest scale, {low:g}, is above the largest, {high:g}")
    ratios = fields["aspect_ratios"].distinct(1, 8, lambda item: item.number(0.05, 20))
    between = _or(fields, "interpolated_ratio", lambda item: item.number(0.05, 20), 1.0)
    return AnchorShapes((low, high), ratios, between)


def _or(fields: dict[str, Located], key: str, read: Callable[[Located], Any], default: Any) -> Any:
    return read(fields[key]) if key in fields else default
