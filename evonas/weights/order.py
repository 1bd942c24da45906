"""TensorFlow's order of anchors, box codes and classes, and ours."""

import numpy as np
from numpy.typing import NDArray

from evonas.space import Architecture
from evonas.weights.coco import COCO_NAMES, COCO_SLOTS

Floats = NDArray[np.float32]

# Ours are x, y, width, height; TensorFlow's are y, x, height, width.
_CODES = (1, 0, 3, 2)
ALL_SLOTS = tuple(range(COCO_SLOTS))
USED_SLOTS = tuple(sorted(COCO_NAMES))


def anchor_order(level: int, n_anchors: int) -> tuple[int, ...]:
    """Returns TensorFlow's place of each of our anchors at a location.

    Our interpolated anchor comes first, TensorFlow's last; the reduced first level has none.

    >>> anchor_order(1, 6)
    (5, 0, 1, 2, 3, 4)
    """
    return tuple(range(n_anchors)) if level == 0 else (n_anchors - 1, *range(n_anchors - 1))


def in_our_order(
    arrays: dict[str, Floats], architecture: Architecture, slots: tuple[int, ...] = USED_SLOTS
) -> dict[str, Floats]:
    """Returns the values with the predictors' channels in our order.

    Args:
        arrays: A detector's values by name; of the predictors, TensorFlow's order.
        architecture: The network's, with the class slots of the arrays.
        slots: Which of the class slots are kept, in which order.
    """
    ordered = dict(arrays)
    head = architecture.skeleton.head
    for number, level in enumerate(architecture.levels()):
        anchors = anchor_order(number, head.anchors_per_location(number))
        for part, values, chosen in (
            ("boxes", 4, _CODES),
            ("classes", head.class_slots, slots),
        ):
            last = len(getattr(level, part)) - 1
            rows = [anchor * values + value for anchor in anchors for value in chosen]
            for kind in ("weight", "bias"):
                name = f"units.head{number}_{part}{last}.{kind}"
                ordered[name] = arrays[name][rows]
    return ordered
