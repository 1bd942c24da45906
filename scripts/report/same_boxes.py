"""Whether a TFLite file that ends in boxes gives what `evonas detect` gives, on photographs.

The file is run as other people's programs run it, by the operator's published contract and with
none of evonas's readers (`read_by_contract`). What it finds is compared with `evonas detect` on
the archive under the file's own post-processing, so that every difference is one of the numbers.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from evonas.data.drawing import Found
from evonas.data.images import open_image
from evonas.detector.archive import Archive, load_archive
from evonas.export.load import ArchiveDetector, load_detector
from evonas.export.post_processing import operator_protocol

# Within which two detections are one: pixels of the photograph, and score.
PIXELS, SCORE = 0.5, 1e-3


@dataclass(frozen=True, slots=True)
class SameBoxes:
    """One list of detections against another, over images.

    Attributes:
        boxes: How many detections the file gives.
        expected: How many `evonas detect` gives.
        unmatched: Detections of either that the other does not have.
        limit: Those of `unmatched` whose score is at most `SCORE` above the threshold, or above the
            least one in a list as long as a list may be: rounding decides on which side they are,
            and boxes outside the image, which take places in the file's list.
        pixels: Greatest difference of a side among the matched.
        score: Greatest difference of a score among the matched.
    """

    boxes: int = 0
    expected: int = 0
    unmatched: int = 0
    limit: int = 0
    pixels: float = 0.0
    score: float = 0.0

    def __add__(self, other: "SameBoxes") -> "SameBoxes":
        return SameBoxes(
            self.boxes + other.boxes,
            self.expected + other.expected,
            self.unmatched + other.unmatched,
            self.limit + other.limit,
            max(self.pixels, other.pixels),
            max(self.score, other.score),
        )


def read_by_contract(
    tflite: bytes, images: Iterable[Image.Image], threshold: float
) -> list[list[Found]]:
    """Returns the detections of a file, in each image's own pixels, with no help of evonas.

    Labels come from the ZIP at its end; boxes from output 0 as top, left, bottom, right from 0 to
    1, classes from 1, scores from 2, their number from 3. Boxes are clipped to the image; those
    outside, which count for the operator, have no area.
    """
    from ai_edge_litert.interpreter import Interpreter

    labels = zipfile.ZipFile(io.BytesIO(tflite)).read("labelmap.txt").decode().splitlines()
    interpreter = Interpreter(model_content=tflite, num_threads=1)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    outputs = [entry["index"] for entry in interpreter.get_output_details()]
    side = int(given["shape"][1])
    found = []
    for image in images:
        pixels = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))[None]
        if given["dtype"] is not np.uint8:
            pixels = pixels.astype(np.float32) / np.float32(127.5) - 1
        interpreter.set_tensor(given["index"], pixels)
        interpreter.invoke()
        boxes, classes, scores, count = (interpreter.get_tensor(place) for place in outputs)
        size = np.array([*image.size, *image.size])
        corners = boxes[0][:, [1, 0, 3, 2]].clip(0, 1) * size
        found.append(
            [
                Found(labels[k := int(classes[0, i])], k, float(scores[0, i]), tuple(corners[i]))
                for i in range(int(count[0]))
                if scores[0, i] >= threshold
            ]
        )
    return found


def compare(
    theirs: Sequence[Found], ours: Sequence[Found], threshold: float, most: int
) -> SameBoxes:
    """Matches the detections of one image: each with the nearest box of its class and score.

    Args:
        theirs: Of the file, boxes without area among them.
        ours: Of `evonas detect`.
        threshold: The lowest score that was asked for.
        most: The longest list that either gives.
    """
    full = [min(e.score for e in found) for found in (theirs, ours) if len(found) >= most]
    least = max([threshold, *full]) + SCORE
    theirs = [e for e in theirs if e.box[2] > e.box[0] and e.box[3] > e.box[1]]
    left, alone = list(ours), []
    pixels = score = 0.0
    for entry in theirs:
        near = [
            (float(np.abs(np.subtract(entry.box, other.box)).max()), i)
            for i, other in enumerate(left)
            if other.name == entry.name and abs(other.score - entry.score) <= SCORE
        ]
        apart, place = min(near, default=(np.inf, -1))
        if apart > PIXELS:
            alone.append(entry)
            continue
        pixels, score = max(pixels, apart), max(score, abs(left[place].score - entry.score))
        del left[place]
    alone += left
    limit = sum(entry.score <= least for entry in alone)
    return SameBoxes(len(theirs), len(ours), len(alone), limit, pixels, score)


def same_boxes(export: Path, images: Sequence[Path], threshold: float) -> dict[str, SameBoxes]:
    """Compares the float32 file with post-processing of an export on photographs.

    Args:
        export: Folder that `evonas export` wrote.
        images: The photographs.
        threshold: As of `evonas detect`.

    Returns:
        By what it is compared with: `file`, `evonas detect` on the same file; `archive`, on the
        network in torch under the file's post-processing; `default`, on the archive as it is,
        whose post-processing looks at its best 100 candidates only.
    """
    photographs = [open_image(path) for path in images]
    path = export / "detector-post.tflite"
    theirs = read_by_contract(path.read_bytes(), photographs, threshold)
    archive = load_archive(export / "detector.safetensors")
    protocol = operator_protocol(archive)
    same = Archive(archive.detector, replace(archive.card, detection=protocol))
    detectors = {
        "file": load_detector(path),
        "archive": ArchiveDetector(same),
        "default": ArchiveDetector(archive),
    }
    found = {}
    for name, detector in detectors.items():
        total = SameBoxes()
        for photograph, their in zip(photographs, theirs, strict=True):
            ours = detector.detect(photograph, threshold)
            total += compare(their, ours, threshold, protocol.detections)
        found[name] = total
    return found
