"""A new space's YAML text from another one's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evonas.errors import ConfigurationError
from evonas.limits import parse_yaml
from evonas.space.architecture import AnchorShapes, Skeleton, map_sizes
from evonas.space.catalogue import list_spaces, space_text
from evonas.space.document import BLOCK_KEYS, KEYS, read_document, space_of
from evonas.space.space import SearchSpace

_SOURCE = "the new space"


@dataclass(frozen=True, slots=True)
class SpaceChanges:
    """What is to be other than in the space to begin with; None leaves it.

    Attributes:
        image_size: Side of the images.
        multipliers: Of the widths: of a `width`, or of the middle one of listed `widths`.
        rules: Kind of device.
        ops: Names or kinds of ops; where the first block may do without expansion, it still may.
        depths: Most layers of each block.
        strides: Of each block.
        taps: Blocks that the head reads.
        extra_depths: Channels of the head's extra levels.
        class_slots: Class logits per anchor.
        anchors: Their shapes.
    """

    image_size: int | None = None
    multipliers: Sequence[float] | None = None
    rules: str | None = None
    ops: Sequence[str] | None = None
    depths: Sequence[int] | None = None
    strides: Sequence[int] | None = None
    taps: Sequence[int] | None = None
    extra_depths: Sequence[int] | None = None
    class_slots: int | None = None
    anchors: AnchorShapes | None = None


def make_space(base: str, name: str, changes: SpaceChanges) -> tuple[SearchSpace, str]:
    """Returns a new space and its YAML text.

    Extra levels of the head after the first of a single pixel, which would repeat it, are left
    out where the extra levels are not named.

    Args:
        base: Name or file of the space to begin with; not a part such as `mobiledet-ibn`.
        name: Name of the new one.
        changes: What is other.

    Raises:
        ConfigurationError: An unknown base, a name that is taken, or a change that is not allowed.
    """
    if name in list_spaces():
        raise ConfigurationError(f"the name {name!r} is taken by another space; see --name")
    document: dict[str, Any] = parse_yaml(space_text(base), base)
    document = {"version": 1, **document, "name": name}
    document.pop("part_of", None)
    document.pop("parts", None)
    _change(document, changes)
    space = _read(document)
    if changes.extra_depths is None:
        kept = _levels_that_shrink(space.skeleton)
        if kept < len(space.skeleton.head.extra_depths):
            document["head"]["extra_depths"] = document["head"]["extra_depths"][:kept]
            space = _read(document)
    return space, _text(document, base)


def _change(document: dict[str, Any], changes: SpaceChanges) -> None:
    blocks, head = document["blocks"], document["head"]
    if changes.image_size is not None:
        document["image_size"] = changes.image_size
    if changes.rules is not None:
        document["rules"] = changes.rules
    if changes.multipliers is not None:
        document["multipliers"] = list(changes.multipliers)
        for part in (document["stem"], *blocks):
            part.pop("multipliers", None)
            if "widths" in part:
                listed = part.pop("widths")
                part["width"] = listed[len(listed) // 2]
    if changes.ops is not None:
        _change_ops(document, list(changes.ops))
    for key, values in (("depth", changes.depths), ("stride", changes.strides)):
        if values is None:
            continue
        if len(values) != len(blocks):
            raise ConfigurationError(
                f"--{key}s: {len(values)} numbers for {len(blocks)} blocks; to add or remove "
                "blocks, edit the file"
            )
        for block, value in zip(blocks, values, strict=True):
            block[key] = value
    if changes.taps is not None:
        head["taps"] = list(changes.taps)
    if changes.extra_depths is not None:
        head["extra_depths"] = list(changes.extra_depths)
    if changes.class_slots is not None:
        head["class_slots"] = changes.class_slots
    if changes.anchors is not None:
        document["anchors"] = {
            "scales": list(changes.anchors.scales),
            "aspect_ratios": list(changes.anchors.aspect_ratios),
            "interpolated_ratio": changes.anchors.interpolated_ratio,
        }


def _change_ops(document: dict[str, Any], ops: list[str]) -> None:
    plain = [op for op in ops if not op.startswith("ibn0")] or ops
    document["ops"] = plain
    for block in document["blocks"]:
        before = [*block.pop("first", []), *block.pop("ops", [])]
        bare = [op for op in before if op.startswith("ibn0")]
        if bare:
            named = [op for op in ops if op.startswith("ibn0")]
            block["ops"] = list(dict.fromkeys([*(named or bare), *plain]))


def _levels_that_shrink(skeleton: Skeleton) -> int:
    """Number of extra levels up to the first of a single pixel."""
    size, kept = map_sizes(skeleton)[skeleton.head.taps[-1]], 0
    while size > 1 and kept < len(skeleton.head.extra_depths):
        size, kept = -(-size // 2), kept + 1
    return kept


def _read(document: dict[str, Any]) -> SearchSpace:
    try:
        return space_of(read_document(_text(document, ""), _SOURCE))
    except ConfigurationError as error:  # nobody has seen the lines yet
        raise ConfigurationError(re.sub(rf"^{_SOURCE}:\d+", _SOURCE, str(error))) from error


def _text(document: dict[str, Any], base: str) -> str:
    import yaml

    ordered = {key: document[key] for key in KEYS if key in document}
    ordered["blocks"] = [
        {key: block[key] for key in BLOCK_KEYS if key in block} for block in document["blocks"]
    ]
    body = yaml.safe_dump(ordered, sort_keys=False, default_flow_style=None, width=100)
    return f"# Made by evonas space make --from {base}; every value may be changed here.\n{body}"
