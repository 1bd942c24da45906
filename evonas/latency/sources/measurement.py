"""What a source says of one network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from evonas.space import Architecture, SearchSpace


@dataclass(frozen=True, slots=True)
class Measurement:
    """One network's time on one device.

    Attributes:
        latency_ms: Time of one inference of one image; NaN where the network cannot run there.
        spread: Interquartile range over median of the repeats; 0 for a deterministic source.
        extras: Further figures by name, the unit in the name: `sram_peak_bytes`.
        parts_ms: The time by part of the network, where the source tells; see `part_names`.
        reason: Why the network cannot run there; empty where it can.
    """

    latency_ms: float
    spread: float = 0.0
    extras: Mapping[str, float] = field(default_factory=dict)
    parts_ms: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""


class Source(Protocol):
    """Anything that can say how long a network takes.

    `versions` names everything that its figures depend on.
    """

    versions: dict[str, str]

    def measure(self, architecture: Architecture) -> Measurement:
        """Returns the figures of one inference."""
        ...


def part_names(space: SearchSpace) -> list[str]:
    """Returns the parts of the space's networks in order: stem, layers, levels of the head."""
    layers = [f"b{slot.block}.l{slot.layer}" for slot in space.layer_slots]
    levels = [f"head{i}" for i in range(space.skeleton.head.n_levels)]
    return ["stem", *layers, *levels]


def by_block(measurement: Measurement, architecture: Architecture) -> list[float] | None:
    """Returns the milliseconds of each block, or None where the source gives no parts.

    The stem is counted in the first block, a level of the head in the block that it reads.
    """
    if not measurement.parts_ms:
        return None
    taps = [level.source for level in architecture.levels()]
    block = {f"head{i}": tap or max(taps) for i, tap in enumerate(taps)} | {"stem": 1}
    total = [0.0] * len(architecture.blocks)
    for part, milliseconds in measurement.parts_ms.items():
        number = block.get(part) or int(part.partition(".")[0].removeprefix("b"))
        total[number - 1] += milliseconds
    return total


def part_of(node: str) -> str:
    """Returns the part that a graph's node belongs to.

    >>> part_of("b2.l1.0.linear"), part_of("head0.boxes.1"), part_of("stem")
    ('b2.l1', 'head0', 'stem')
    """
    names = node.split(".")
    return ".".join(names[: 2 if names[0].startswith("b") else 1])
