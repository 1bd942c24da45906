"""COCO's twelve figures, by the C++ core of faster-coco-eval.

Its Python side makes several dicts and lists per detection and prepares the ground truth anew each
time. Here the ground truth is prepared once and detections come as arrays; overlaps, matching and
accumulation are the library's own. AP over all sizes comes from
`evonas.training.average_precision`, as in a search: the library's differs from COCO's in the last
bit, and one network has one AP.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.training.average_precision import precision_at_recalls
from evonas.training.detections import Detections, GroundTruth, check_detections, cpp_dataset

_MAX_DETECTIONS = (1, 10, 100)  # COCO's, per image and class
_AREA_RANGES = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))  # in pixels


@dataclass(frozen=True, slots=True)
class CocoMetrics:
    """COCO's twelve figures, 0 to 1, and what they are means of. Undefined ones are NaN.

    `ap` is the mean over IoU thresholds 0.50 to 0.95, recalls and classes. The ranges of object
    size are COCO's: small under 32x32 pixels of the original image, large from 96x96.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar1: float
    ar10: float
    ar100: float
    ar_small: float
    ar_medium: float
    ar_large: float
    ap_per_class: NDArray[np.float64]  # (n_classes,)
    precision: NDArray[np.float64]  # (10 IoUs, 101 recalls, n_classes), -1 where undefined


def evaluate_detections(ground_truth: GroundTruth, detections: Detections) -> CocoMetrics:
    """Scores detections as COCO does, with at most 100 per image and class.

    Args:
        ground_truth: The prepared boxes.
        detections: Of the same images.

    Raises:
        DataError: A box or score is not finite, or an image or label is not the data set's.
    """
    from faster_coco_eval.core.cocoeval import Params
    from faster_coco_eval.faster_eval_api_cpp import COCOevalEvaluateAccumulate

    check_detections(ground_truth, detections)
    group = detections.image_index * ground_truth.n_classes + detections.labels
    boxes = detections.sides()
    areas = (boxes[:, 2] * boxes[:, 3]).tolist()
    rows = (
        {"id": number, "score": score, "area": area}
        for number, (score, area) in enumerate(
            zip(detections.scores.tolist(), areas, strict=True), 1
        )
    )
    parameters = Params("bbox")
    parameters.imgIds = list(range(ground_truth.n_images))
    parameters.catIds = list(range(ground_truth.n_classes))
    parameters.maxDets = list(_MAX_DETECTIONS)
    parameters.areaRng = [list(limits) for limits in _AREA_RANGES]
    results = COCOevalEvaluateAccumulate(
        parameters,
        _overlaps(ground_truth, group, boxes, detections.scores),
        ground_truth.annotations,
        cpp_dataset(group, ground_truth.n_classes, rows),
        parameters.imgIds,
        parameters.catIds,
        True,
    )
    overall = precision_at_recalls(ground_truth, detections)
    return _summarise(overall, results["precision"], results["recall"])


def _overlaps(
    ground_truth: GroundTruth,
    group: NDArray[np.int64],
    boxes: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> list[list[Any]]:
    """Returns for each image and class the IoU of its detections, best first, with its boxes.

    Args:
        ground_truth: The true boxes.
        group: (m,) of the detections.
        boxes: (m, 4) left, top, width, height.
        scores: (m,).
    """
    from faster_coco_eval.core.mask import iou

    nothing: list[float] = []
    n_classes = ground_truth.n_classes
    overlaps: list[list[Any]] = [[nothing] * n_classes for _ in range(ground_truth.n_images)]
    order = np.lexsort((-scores, group))
    group, boxes = group[order], boxes[order]
    common = np.intersect1d(group, ground_truth.group)
    ours, theirs = (
        zip(np.searchsorted(of, common), np.searchsorted(of, common, side="right"), strict=True)
        for of in (group, ground_truth.group)
    )
    crowd = ground_truth.is_crowd.astype(int)
    for key, (first, last), (start, end) in zip(common.tolist(), ours, theirs, strict=True):
        best = boxes[first : min(last, first + _MAX_DETECTIONS[-1])]
        overlap = iou(best, ground_truth.boxes[start:end], crowd[start:end].tolist())
        overlaps[key // n_classes][key % n_classes] = overlap
    return overlaps


def _summarise(
    overall: NDArray[np.float64], precision: NDArray[np.float64], recall: NDArray[np.float64]
) -> CocoMetrics:
    """Averages precision (IoUs, recalls, classes, sizes, limits) and recall (without recalls).

    Args:
        overall: Precision over all sizes, (IoUs, recalls, classes).
        precision: By size and limit too.
        recall: By size and limit.
    """
    figures = {"ap": overall, "ap50": overall[0], "ap75": overall[5]}
    figures |= {f"ar{limit}": recall[:, :, 0, i] for i, limit in enumerate(_MAX_DETECTIONS)}
    for i, size in enumerate(("small", "medium", "large"), start=1):
        figures |= {f"ap_{size}": precision[:, :, :, i, -1], f"ar_{size}": recall[:, :, i, -1]}
    return CocoMetrics(
        **{name: _mean(values) for name, values in figures.items()},
        ap_per_class=np.array([_mean(overall[:, :, k]) for k in range(overall.shape[2])]),
        precision=overall,
    )


def _mean(values: NDArray[np.float64]) -> float:
    """Returns the mean of what is defined, as COCO takes it; NaN if nothing is."""
    defined = values[values > -1]
    return float(np.mean(defined)) if defined.size else float("nan")
