"""What a space may be, however it was made; a YAML file's faults are told by their line before."""

import re
from collections.abc import Sequence
from typing import Any

from evonas.errors import ConfigurationError
from evonas.limits import check_whole, printable
from evonas.space.architecture import Skeleton
from evonas.space.blocks import Op
from evonas.space.walk import BlockSpace

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PART = re.compile(r"[a-z0-9][a-z0-9@+-]*")  # a part of a space too: mobiledet-ibn+fused@cpu
MOST_CHOICES = 36  # an arch_id has a digit of base 36 for each decision
LARGEST_WIDTH = 2048
MOST_LAYERS = 12


def check_space(
    name: str, skeleton: Skeleton, stems: Sequence[int], blocks: Sequence[BlockSpace]
) -> None:
    """Refuses what is no space.

    Raises:
        ConfigurationError: It says where, and what is allowed.
    """
    if not isinstance(name, str) or not _PART.fullmatch(name):
        raise ConfigurationError(
            f"space name {printable(repr(name), 60)}: lower-case letters, digits and hyphens are "
            "allowed"
        )
    if not blocks or len(blocks) != len(skeleton.strides):
        raise ConfigurationError(
            f"{name}: {len(blocks)} blocks and {len(skeleton.strides)} strides; as many of both "
            "are expected, at least one"
        )
    _check_widths(f"{name}: stem", stems)
    for number, block in enumerate(blocks, start=1):
        where = f"{name}: block {number}"
        check_whole(f"{where}: depth", block.depth, 1, MOST_LAYERS)
        _check_widths(where, block.widths)
        _check_choices(f"{where}: first", block.first, Op)
        if block.depth > 1:
            _check_choices(f"{where}: further", block.further, Op, MOST_CHOICES - 1)


def _check_widths(where: str, widths: Sequence[int]) -> None:
    _check_choices(f"{where}: widths", widths, int)
    for width in widths:
        check_whole(f"{where}: width", width, 1, LARGEST_WIDTH)


def _check_choices(where: str, choices: Any, kind: type, most: int = MOST_CHOICES) -> None:
    listed = choices if isinstance(choices, tuple) else ()
    kinds = all(isinstance(choice, kind) for choice in listed)
    if not kinds or not 1 <= len(set(listed)) == len(listed) <= most:
        raise ConfigurationError(
            f"{where} {printable(repr(choices), 80)}: a tuple of 1 to {most} different ones of "
            f"type {kind.__name__} is expected"
        )
