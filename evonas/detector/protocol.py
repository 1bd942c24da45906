"""How a network's outputs become the detections that are scored: stated once, used everywhere.

AP depends on it. So training, search, export and `evonas val` take the same object, and every
card and metrics file states it.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from evonas.errors import SchemaError, unknown_name

_MOST = 100_000  # candidates or detections of an image


@dataclass(frozen=True, slots=True)
class Protocol:
    """Post-processing of one image.

    Attributes:
        name: What it is called.
        candidates: The best (anchor, class) pairs that enter suppression; 0 for all of them.
        score_threshold: Only scores above it count.
        iou_threshold: A box that overlaps a better one by more is suppressed.
        per_class: Whether boxes suppress those of their own class only.
        detections: The most that an image keeps.
        detections_per_class: The most that one class keeps; 0 for no such limit.
        clip: Whether boxes are clipped to the image `before` suppression or `after` it.
    """

    name: str = "fast"
    candidates: int = 100
    score_threshold: float = 0.01
    iou_threshold: float = 0.6
    per_class: bool = True
    detections: int = 100
    detections_per_class: int = 0
    clip: Literal["before", "after"] = "before"

    def __post_init__(self) -> None:
        """Refuses what no image can be processed with."""
        limits = {"candidates": 0, "detections": 1, "detections_per_class": 0}
        for name, low in limits.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= _MOST:
                raise SchemaError(
                    f"protocol: {name} is {value!r}; an integer from {low} to {_MOST} is allowed"
                )
        for name in ("score_threshold", "iou_threshold"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not (math.isfinite(value) and 0 <= value <= 1):
                raise SchemaError(f"protocol: {name} is {value!r}; it must be 0 to 1")
        if type(self.per_class) is not bool:
            raise SchemaError(
                f"protocol: per_class is {self.per_class!r}; true or false is allowed"
            )
        if self.clip not in ("before", "after"):
            raise SchemaError(f"protocol: clip is {self.clip!r}; before or after is allowed")
        if type(self.name) is not str or not 0 < len(self.name) <= 40:
            raise SchemaError("protocol: name must be a text of 1 to 40 characters")

    def as_dict(self) -> dict[str, Any]:
        """Returns it as cards and metrics files state it."""
        return asdict(self)

    def __str__(self) -> str:
        """Says it in one line."""
        pool = f"best {self.candidates} candidates" if self.candidates else "all anchors"
        classes = "class by class" if self.per_class else "across classes"
        each = f", at most {self.detections_per_class} a class" if self.detections_per_class else ""
        return (
            f"{self.name}: {pool}, score above {self.score_threshold:g}, {classes}, "
            f"IoU {self.iou_threshold:g}{each}, at most {self.detections} an image, "
            f"clipped {self.clip} suppression"
        )


# The default everywhere. With 100 candidates, as all shipped figures were measured: against all of
# them it costs 0.001 AP at 3 objects an image, 0.015 at 12 and 0.063 at 28
# (scripts/compare/protocols.py).
FAST = Protocol()

# For images of a dozen objects and more: 400 candidates cost nothing at 28 objects an image.
CROWDED = Protocol(name="crowded", candidates=400)

# As the published configurations and TensorFlow's detection API evaluate.
PUBLISHED = Protocol(
    name="published",
    candidates=0,
    score_threshold=1e-8,
    iou_threshold=0.6,
    detections=100,
    detections_per_class=100,
    clip="after",
)

PROTOCOLS = {protocol.name: protocol for protocol in (FAST, CROWDED, PUBLISHED)}


def load_protocol(name: str) -> Protocol:
    """Returns a protocol by name.

    Raises:
        ConfigurationError: No protocol has the name.
    """
    if name not in PROTOCOLS:
        raise unknown_name("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def protocol_from(values: Mapping[str, Any]) -> Protocol:
    """Returns the protocol that `as_dict` gave.

    Raises:
        SchemaError: A name that no protocol has, or a value that is not allowed.
    """
    known = [entry.name for entry in fields(Protocol)]
    if not isinstance(values, Mapping) or set(values) != set(known):
        raise SchemaError(f"protocol: must hold {', '.join(known)}")
    return Protocol(**values)
