"""Some validation images of a run with their true boxes and what its network found. Torch-free."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evonas.data.drawing import Found
from evonas.errors import SchemaError
from evonas.files import atomic_file, read_json, write_json
from evonas.retraining.folder import RunFolder

if TYPE_CHECKING:
    from evonas.data import CocoDataset
    from evonas.training.detections import Detections

COUNT = 12
_SIDE = 320  # pixels, of the longer side of a kept picture
_MOST_FOUND = 30  # detections of an image, the best


@dataclass(frozen=True, slots=True)
class Example:
    """One image; boxes are in pixels of the picture.

    Attributes:
        name: The image's file name in its data set.
        picture: PNG file with the image, made smaller if it was large.
        truth: The true objects.
        found: What the network found, best first.
    """

    name: str
    picture: Path
    truth: tuple[Found, ...]
    found: tuple[Found, ...]


def write_examples(folder: RunFolder, dataset: "CocoDataset", detections: "Detections") -> None:
    """Keeps images spread evenly over a split, their true boxes and detections.

    Raises:
        DataError: An image cannot be read, or the folder cannot be written.
    """
    count = min(COUNT, len(dataset))
    entries: list[dict[str, Any]] = []
    for index in np.linspace(0, len(dataset) - 1, count).astype(int).tolist():
        file = f"{len(entries):02d}.png"
        scale = _keep_picture(dataset, index, folder.pictures / file)
        entries.append(
            {
                "name": dataset.file_names[index],
                "picture": file,
                "truth": [asdict(entry) for entry in _truth(dataset, index, scale)],
                "found": [asdict(entry) for entry in _found(dataset, detections, index, scale)],
            }
        )
    write_json(folder.examples, {"examples": entries})


def read_examples(folder: RunFolder) -> list[Example]:
    """Returns the examples of a finished run.

    Raises:
        SchemaError: There are none, or the file is damaged.
    """
    content = read_json(folder.examples, "examples of a finished run")
    try:
        return [
            Example(
                str(entry["name"]),
                folder.pictures / Path(entry["picture"]).name,
                _objects(entry["truth"]),
                _objects(entry["found"]),
            )
            for entry in content["examples"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"{folder.examples}: not the examples of a run ({error})") from error


def _keep_picture(dataset: "CocoDataset", index: int, path: Path) -> float:
    """Writes the picture and returns its size over the image's."""
    from evonas.data.images import read_image

    width, height = dataset.sizes[index].tolist()
    image = read_image(dataset.path_of(index), int(dataset.image_ids[index]), (width, height))
    scale: float = min(1.0, _SIDE / max(width, height))
    if scale < 1:
        image = image.resize((max(1, round(width * scale)), max(1, round(height * scale))))
    with atomic_file(path) as file:
        image.save(file, "PNG")
    return scale


def _truth(dataset: "CocoDataset", index: int, scale: float) -> list[Found]:
    first, last = np.searchsorted(dataset.image_index, [index, index + 1])
    boxes = dataset.boxes[first:last] * scale
    boxes[:, 2:] += boxes[:, :2]
    labels = dataset.labels[first:last]
    return _listed(dataset.class_names, labels, np.ones(len(labels)), boxes)


def _found(
    dataset: "CocoDataset", detections: "Detections", index: int, scale: float
) -> list[Found]:
    rows = np.flatnonzero(detections.image_index == index)
    rows = rows[np.argsort(-detections.scores[rows], kind="stable")[:_MOST_FOUND]]
    boxes = detections.boxes[rows] * scale
    return _listed(dataset.class_names, detections.labels[rows], detections.scores[rows], boxes)


def _listed(
    names: Sequence[str],
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    boxes: NDArray[np.float64],
) -> list[Found]:
    return [
        Found(names[label], label, round(score, 4), (x1, y1, x2, y2))
        for label, score, (x1, y1, x2, y2) in zip(
            labels.tolist(), scores.tolist(), boxes.round(2).tolist(), strict=True
        )
    ]


def _objects(entries: Sequence[dict[str, Any]]) -> tuple[Found, ...]:
    return tuple(
        Found(str(e["name"]), int(e["label"]), float(e["score"]), _box(e["box"])) for e in entries
    )


def _box(corners: Sequence[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = map(float, corners)
    return x1, y1, x2, y2
