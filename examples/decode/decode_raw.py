r"""Decodes the raw outputs of an exported TFLite file with numpy alone.

    python examples/decode/decode_raw.py runs/net/export photo.jpg
    python examples/decode/decode_raw.py runs/net/export --anchors-header > anchors.h

`decode` is what a program of one's own needs: it has no part of evonas in it. The rest reads
`card.json` and runs the file in LiteRT. `decode/evonas_decode.h` is the same in C.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def decode(
    codes: Floats,
    logits: Floats,
    anchors: Floats,
    least_score: float = 0.01,
    most_overlap: float = 0.6,
    candidates: int = 100,
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Returns boxes (k, 4) as x1, y1, x2, y2 from 0 to 1, scores and labels (k,), best first.

    Args:
        codes: (n_anchors, 4): x, y, width, height.
        logits: (n_anchors, n_classes).
        anchors: (n_anchors, 4): centre y, centre x, height, width, as shares of the side.
        least_score: Only scores above it count.
        most_overlap: A box that overlaps a better one of its class by more is left out.
        candidates: How many pairs of anchor and class are looked at, the best ones.
    """
    flat = logits.reshape(-1)
    order = np.argsort(-flat, kind="stable")[:candidates]
    scores = (1 / (1 + np.exp(-flat[order].astype(np.float64)))).astype(np.float32)
    order, scores = order[scores > least_score], scores[scores > least_score]
    anchor, labels = np.divmod(order, logits.shape[1])
    boxes = _boxes(codes[anchor], anchors[anchor])
    kept: list[int] = []
    for i in range(len(boxes)):
        rivals = [j for j in kept if labels[j] == labels[i]]
        if not rivals or _overlaps(boxes[i], boxes[rivals]).max() <= most_overlap:
            kept.append(i)
    return boxes[kept], scores[kept], labels[kept]


def _boxes(codes: Floats, anchors: Floats) -> Floats:
    centre = codes[:, :2] / 10 * anchors[:, [3, 2]] + anchors[:, [1, 0]]
    half = np.exp(np.minimum(codes[:, 2:] / 5, 4.135)) * anchors[:, [3, 2]] / 2
    corners: Floats = np.concatenate([centre - half, centre + half], 1).clip(0, 1)
    return corners


def _overlaps(box: Floats, others: Floats) -> Floats:
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    both = sides.clip(min=0).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    overlaps: Floats = both / np.maximum(areas - both, 1e-12)
    return overlaps


def run(tflite: Path, pixels: NDArray[np.uint8], n_classes: int) -> tuple[Floats, Floats]:
    """Returns codes (n_anchors, 4) and logits (n_anchors, n_classes) of an image (h, w, 3)."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(tflite))
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    if given["dtype"] is np.int8:
        image: NDArray[Any] = (pixels.astype(np.int16) - 128).astype(np.int8)
    else:
        image = pixels.astype(np.float32) / 127.5 - 1
    interpreter.set_tensor(given["index"], image[None])
    interpreter.invoke()
    maps = []
    for output in interpreter.get_output_details():
        values = interpreter.get_tensor(output["index"]).astype(np.float32)
        scale, zero = output["quantization"]
        maps.append((values - zero) * scale if scale else values)
    codes = np.concatenate([part.reshape(-1, 4) for part in maps[0::2]])
    return codes, np.concatenate([part.reshape(-1, n_classes) for part in maps[1::2]])


def main(export: Path, *arguments: str) -> None:
    """Prints what is found in an image, or the anchors as C."""
    card = json.loads((export / "card.json").read_text())
    anchors = np.load(export / card["decoding"]["anchors"])
    if arguments == ("--anchors-header",):
        rows = ",\n".join(", ".join(f"{value:.9e}f" for value in row) for row in anchors.tolist())
        print(f"static const float evonas_anchors[{anchors.size}] = {{\n{rows}\n}};")
        return
    from PIL import Image

    image = Image.open(arguments[0]).convert("RGB")
    square = image.resize((card["image_size"],) * 2, Image.Resampling.BILINEAR)
    codes, logits = run(export / "detector.tflite", np.asarray(square), len(card["classes"]))
    for box, score, label in zip(*decode(codes, logits, anchors), strict=True):
        if score >= 0.5:
            corners = np.round(box * np.tile(image.size, 2), 1).tolist()
            print(f"{card['classes'][label]} {score:.2f} {corners}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
