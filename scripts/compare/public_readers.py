r"""Exported files in other people's programs, unmodified: MediaPipe and TFLite's task library.

    python -m venv /tmp/mp && /tmp/mp/bin/pip install mediapipe
    python -m venv /tmp/ts && /tmp/ts/bin/pip install tflite-support
    python -m scripts.compare.public_readers --export runs/net/export --images data/digits/val \
        --mediapipe /tmp/mp/bin/python --task-library /tmp/ts/bin/python

Each reads the files with post-processing and looks at the first images; what it finds is matched
with what `evonas detect` finds with the same file, and with the archive. The images should be of
the network's size: each program resizes by a rule of its own. MediaPipe and the task library tell
boxes in whole pixels; MediaPipe tells equal boxes of several classes as one.
"""

import json
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.output import print_table
from evonas.data.drawing import Found
from evonas.data.images import open_image
from evonas.errors import ConfigurationError
from evonas.export.load import load_detector

FILES = ("detector-post.tflite", "detector-int8-post.tflite")
THRESHOLD = 0.3
# Corner and sides are each cut to whole pixels; and the task library does not clip boxes.
_PIXELS, _SCORE = 2.01, 1e-4

_MEDIAPIPE = """
import mediapipe
from mediapipe.tasks.python import BaseOptions, vision
options = vision.ObjectDetectorOptions(
    base_options=BaseOptions(model_asset_path=file), score_threshold=threshold, max_results=100
)
detector = vision.ObjectDetector.create_from_options(options)
found = [detector.detect(mediapipe.Image.create_from_file(path)).detections for path in images]
"""
_TASK_LIBRARY = """
from tflite_support.task import core, processor, vision
options = vision.ObjectDetectorOptions(
    base_options=core.BaseOptions(file_name=file),
    detection_options=processor.DetectionOptions(score_threshold=threshold, max_results=100),
)
detector = vision.ObjectDetector.create_from_options(options)
found = [detector.detect(vision.TensorImage.create_from_file(path)).detections for path in images]
"""
_AROUND = """
import json, os, sys
file, threshold, images = json.loads(sys.argv[1])
{reader}
def rows(d):
    x, y = d.bounding_box.origin_x, d.bounding_box.origin_y
    box = [x, y, x + d.bounding_box.width, y + d.bounding_box.height]
    return [[entry.category_name, entry.score, box] for entry in d.categories]
found = [[row for d in of_image for row in rows(d)] for of_image in found]
print(json.dumps(found), flush=True)
os._exit(0)
"""


def read_by(python: Path, reader: str, file: Path, images: list[Path]) -> list[list[Found]]:
    """Returns what another program's detector finds, image by image."""
    given = json.dumps([str(file), THRESHOLD, [str(path) for path in images]])
    code = _AROUND.format(reader=reader)
    done = subprocess.run([python, "-c", code, given], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(f"{python}: {done.stderr.strip().splitlines()[-1]}")
    return [
        [Found(name, 0, score, tuple(box)) for name, score, box in of_image]
        for of_image in json.loads(done.stdout)
    ]


def matched(theirs: list[Found], ours: list[Found]) -> int:
    """Returns how many of theirs are among ours: class, score, and all four sides."""
    left, count = list(ours), 0
    for found in theirs:
        for other in left:
            apart = max(abs(max(a, 0) - b) for a, b in zip(found.box, other.box, strict=True))
            near = apart <= _PIXELS and abs(found.score - other.score) <= _SCORE
            if found.name == other.name and near:
                left.remove(other)
                count += 1
                break
    return count


def main(
    export: Annotated[Path, typer.Option(help="Folder that `evonas export` wrote.")],
    images: Annotated[Path, typer.Option(help="Folder of images.")],
    mediapipe: Annotated[Path | None, typer.Option(help="Python that has mediapipe.")] = None,
    task_library: Annotated[Path | None, typer.Option(help="Python with tflite-support.")] = None,
    count: int = 50,
) -> None:
    """Prints a line per program and file."""
    paths = sorted(path for path in images.iterdir() if path.suffix in (".png", ".jpg"))[:count]
    readers = {"mediapipe": (mediapipe, _MEDIAPIPE), "task library": (task_library, _TASK_LIBRARY)}
    rows = []
    for file in FILES:
        ours = {}
        for source in (file, "detector.safetensors"):
            detector = load_detector(export / source)
            ours[source] = [detector.detect(open_image(path), THRESHOLD) for path in paths]
        for name, (python, reader) in readers.items():
            if python is None:
                continue
            theirs = read_by(python, reader, export / file, paths)
            total = sum(map(len, theirs))
            shares = []
            for found in ours.values():
                both = sum(map(matched, theirs, found))
                shares.append(f"{both} of {sum(map(len, found))}")
            if "int8" in file:
                shares[1] = ""  # rounded: other scores
            rows.append([name, file, str(len(paths)), str(total), *shares])
    heads = ["program", "file", "images", "its detections", "found by evonas too", "and in torch"]
    print_table(heads, rows, f"score at least {THRESHOLD}")


if __name__ == "__main__":
    typer.run(main)
