"""AP of a detector in any form on a split, with intervals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.data.coco import CocoDataset
from evonas.detector import Protocol
from evonas.errors import ConfigurationError, DataError
from evonas.export.evaluate_tiles import Tiles, detect_on_tiles
from evonas.export.subject import Subject
from evonas.limits import listed
from evonas.training.average_precision import Matches
from evonas.training.bootstrap import Intervals, bootstrap
from evonas.training.detections import Detections, GroundTruth
from evonas.training.evaluation import CocoMetrics, evaluate_detections
from evonas.training.evaluator import Evaluator, figures, per_class


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate_subject` found.

    Attributes:
        metrics: COCO's figures.
        intervals: Of AP, AP50 and each class's AP; None without samples.
        protocol: Post-processing.
        classes: Names, in the data set's order.
        n_images: How many were looked at.
        unasked: Classes of the detector that the data set does not have; what was found of them is
            left out.
        detections: What was found, in the data set's classes.
    """

    metrics: CocoMetrics
    intervals: Intervals | None
    protocol: Protocol
    classes: tuple[str, ...]
    n_images: int
    unasked: tuple[str, ...]
    detections: Detections

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        metrics = self.metrics
        found: dict[str, Any] = {
            "images": self.n_images,
            "protocol": self.protocol.as_dict(),
            "map": metrics.ap,
            "map50": metrics.ap50,
            "coco": figures(metrics),
            "per_class": per_class(metrics, self.classes),
            "unasked_classes": len(self.unasked),
        }
        if self.intervals is not None:
            ends = self.intervals.per_class.tolist()
            found["intervals"] = {
                "map": list(self.intervals.ap),
                "map50": list(self.intervals.ap50),
                "per_class": dict(zip(self.classes, ends, strict=True)),
            }
        return found


def evaluate_subject(
    subject: Subject,
    dataset: CocoDataset,
    protocol: Protocol | None = None,
    samples: int = 200,
    seed: int = 0,
    workers: int = 0,
    tiles: Tiles | None = None,
) -> Evaluation:
    """Scores a detector.

    Args:
        subject: The detector.
        dataset: Images and true boxes; its classes must be among the detector's, by name.
        protocol: Post-processing; by default that of the detector's card, or what the file holds.
        samples: Of the bootstrap, 0 for no intervals.
        seed: Of its draws.
        workers: Processes that decode images, where they do not fit into memory.
        tiles: Look at each image tile by tile; None for whole images.

    Raises:
        ConfigurationError: The file holds another protocol than the one asked for.
        DataError: The data set has classes that the detector has not, or an image is unreadable.
        SchemaError: The file does not do what its card says.
    """
    protocol = _protocol_for(subject, protocol)
    labels = _labels(subject, dataset)
    find, size, resizing = subject.finder(protocol), subject.image_size, subject.card.resizing
    if tiles is None:
        cpu = torch.device("cpu")
        evaluator = Evaluator(dataset, size, cpu, workers, protocol=protocol, resizing=resizing)
        found = evaluator.detect_by(find)
    else:
        found = detect_on_tiles(find, dataset, size, resizing, tiles)
    detections, truth = _relabelled(found, labels), GroundTruth(dataset)
    metrics = evaluate_detections(truth, detections)
    intervals = bootstrap(Matches(truth, detections), samples, seed) if samples else None
    unasked = tuple(name for name in subject.card.classes if name not in dataset.class_names)
    return Evaluation(
        metrics, intervals, protocol, dataset.class_names, len(dataset), unasked, detections
    )


def _protocol_for(subject: Subject, protocol: Protocol | None) -> Protocol:
    if subject.fixed is None:
        return protocol or subject.card.protocol
    if protocol not in (None, subject.fixed):
        raise ConfigurationError(
            f"{subject.file}: holds its post-processing, {subject.fixed}; for another protocol "
            "evaluate the archive or the file without post-processing"
        )
    return subject.fixed


def _labels(subject: Subject, dataset: CocoDataset) -> NDArray[np.int64]:
    """Returns the data set's label of each of the detector's classes, -1 where it has none."""
    known = subject.card.classes
    lacking = [name for name in dataset.class_names if name not in known]
    if lacking or len(set(dataset.class_names)) != dataset.n_classes:
        raise DataError(
            f"{dataset.annotation_file}: classes {listed(dataset.class_names[:10])}; those of "
            f"{subject.file} are {listed(known[:10])}"
            + (f"; it has no {listed(lacking[:5])}" if lacking else ", and names must differ")
        )
    return np.array(
        [dataset.class_names.index(n) if n in dataset.class_names else -1 for n in known], np.int64
    )


def _relabelled(found: Detections, labels: NDArray[np.int64]) -> Detections:
    label = labels[found.labels]
    kept = label >= 0
    return Detections(found.image_index[kept], found.boxes[kept], found.scores[kept], label[kept])
