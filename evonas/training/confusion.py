"""Which classes a network takes for which."""

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.training.detections import Detections, GroundTruth

_NOTHING, _CROWD = -1, -2  # instead of the index of a true box


def confusion_matrix(
    ground_truth: GroundTruth, detections: Detections, least_score: float = 0.5, iou: float = 0.5
) -> NDArray[np.int64]:
    """Counts true classes against detected ones.

    In each image the detections, best first, take the free true box that they overlap most,
    whatever its class. Crowd boxes do not count, nor do detections of which half lies in one.

    Args:
        ground_truth: The true boxes.
        detections: Of the same images.
        least_score: Detections of lower scores are left out.
        iou: Least overlap of a detection with its true box.

    Returns:
        (n_classes + 1, n_classes + 1): rows are true classes, the last one background (false
        alarms); columns are detected classes, the last one nothing (misses).
    """
    n = ground_truth.n_classes
    counts = np.zeros((n + 1, n + 1), np.int64)
    kept = np.flatnonzero(detections.scores >= least_score)
    kept = kept[np.lexsort((-detections.scores[kept], detections.image_index[kept]))]
    images, labels = ground_truth.group // n, ground_truth.group % n
    every = np.arange(ground_truth.n_images + 1)
    true_starts = np.searchsorted(images, every)
    found_starts = np.searchsorted(detections.image_index[kept], every)
    for image in range(ground_truth.n_images):
        true = slice(true_starts[image], true_starts[image + 1])
        found = kept[found_starts[image] : found_starts[image + 1]]
        is_crowd = ground_truth.is_crowd[true]
        overlaps = _overlaps(detections.boxes[found], ground_truth.boxes[true], is_crowd)
        matched = _match(overlaps, is_crowd, iou)
        predicted = detections.labels[found]
        hit = matched >= 0
        missed = ~is_crowd
        missed[matched[hit]] = False
        rows = [labels[true][matched[hit]], labels[true][missed], predicted[matched == _NOTHING]]
        columns = [predicted[hit], np.full(missed.sum(), n), rows[2]]
        rows[2] = np.full(len(rows[2]), n)
        np.add.at(counts, (np.concatenate(rows), np.concatenate(columns)), 1)
    return counts


def _match(overlaps: Floats, is_crowd: NDArray[np.bool_], least: float) -> NDArray[np.int64]:
    """Returns each detection's true box, or that it has none or only a crowd."""
    matched = np.full(len(overlaps), _NOTHING)
    free = ~is_crowd
    for row, overlap in enumerate(overlaps):
        possible = np.flatnonzero(free & (overlap >= least))
        if len(possible):
            matched[row] = possible[np.argmax(overlap[possible])]
            free[matched[row]] = False
        elif (is_crowd & (overlap >= least)).any():
            matched[row] = _CROWD
    return matched


def _overlaps(found: Floats, true: Floats, is_crowd: NDArray[np.bool_]) -> Floats:
    """Returns COCO's overlaps (n, m) of corners (n, 4) and true boxes (m, 4) with sides.

    With a crowd it is the share of the detection that lies in it.
    """
    from faster_coco_eval.core.mask import iou

    if not len(found) or not len(true):
        return np.zeros((len(found), len(true)))
    sides = np.concatenate([found[:, :2], found[:, 2:] - found[:, :2]], 1)
    overlaps: Floats = iou(sides, true, is_crowd.astype(int).tolist())
    return overlaps
