"""What a program needs to decode raw outputs itself: anchors, scales, order.

`examples/decode/evonas_decode.h` and `examples/decode/decode_raw.py` do so in C and in numpy.
"""

import io
from typing import Any

import numpy as np

from evonas.detector.anchors import BOX_SCALES, LARGEST_LOG
from evonas.export.post_processing import operator_anchors
from evonas.space import Architecture

ANCHORS = "anchors.npy"


def decoding(architecture: Architecture) -> dict[str, Any]:
    """Returns what `card.json` says of raw outputs.

    Returns:
        `anchors`, the file; `anchor_order` and `code_order`, what the four numbers of an anchor
        and of a code are; `scales`, what each number of a code is divided by; `largest_log`, the
        most that a divided code of a side is taken for; `levels`, side and anchors per place of
        each map, in the order of the outputs (codes and logits of a level, then the next level).
    """
    head = architecture.skeleton.head
    return {
        "anchors": ANCHORS,
        "anchor_order": ["centre_y", "centre_x", "height", "width"],
        "code_order": ["x", "y", "width", "height"],
        "scales": [BOX_SCALES[0], BOX_SCALES[0], BOX_SCALES[1], BOX_SCALES[1]],
        "largest_log": LARGEST_LOG,
        "scores": "sigmoid",
        "levels": [
            {"side": level.size, "anchors": head.anchors_per_location(number)}
            for number, level in enumerate(architecture.levels())
        ],
    }


def anchors_file(architecture: Architecture) -> bytes:
    """Returns `anchors.npy`: float32 (n_anchors, 4), as shares of the image's side."""
    file = io.BytesIO()
    np.save(file, operator_anchors(architecture.skeleton))
    return file.getvalue()
