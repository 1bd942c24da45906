"""COCO's AP alone, for a search that evaluates thousands of networks on the same images.

`evaluate_detections` spends most of its time on turning arrays into Python objects and back. This
computes the same AP (a test holds the two equal) from the arrays themselves.
"""

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.training.detections import Detections, GroundTruth, check_detections

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_IOUS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0.0, 1.0, 101)
_SPACING = np.spacing(1.0)  # COCO adds it to the denominator of a precision
_MAX_DETECTIONS = 100  # per image and class


def average_precision(
    ground_truth: GroundTruth,
    detections: Detections,
    share_limits: tuple[float, float] = (0.0, np.inf),
) -> Floats:
    """Returns AP by IoU threshold (0.50 to 0.95) and class, (10, n_classes).

    It is NaN for classes without an object to be found. For arguments and errors see
    `precision_at_recalls`; for COCO's AP, which is a mean of all, see `mean_precision`.
    """
    precision = precision_at_recalls(ground_truth, detections, share_limits)
    return np.where(precision[:, 0] < 0, np.nan, precision.mean(1))


def mean_precision(precision: Floats) -> float:
    """Returns COCO's mean of what is defined, to the digit; NaN if nothing is.

    Args:
        precision: (..., 101, n_classes), as `precision_at_recalls` gives it: all of it for AP,
            its first row for AP50.
    """
    defined = precision[precision > -1]
    return float(np.mean(defined)) if defined.size else float("nan")


def precision_at_recalls(
    ground_truth: GroundTruth,
    detections: Detections,
    share_limits: tuple[float, float] = (0.0, np.inf),
) -> Floats:
    """Returns the precision by IoU threshold, recall (0 to 1) and class, (10, 101, n_classes).

    It is -1 for classes without an object to be found, as in COCO.

    Args:
        ground_truth: The true boxes.
        detections: Of the same images.
        share_limits: Least and largest area, as a share of the image's, of the objects to be found.
            As in COCO's AP of small objects, it counts neither for nor against a network to find
            others, nor to see something of another size where nothing is.

    Raises:
        DataError: A box or score is not finite, or an image or label is not the data set's.
    """
    return Matches(ground_truth, detections, share_limits).precision()


class Matches:
    """Detections matched with the true boxes of their images, for any number of samples of images.

    For arguments and errors see `precision_at_recalls`.
    """

    def __init__(
        self,
        ground_truth: GroundTruth,
        detections: Detections,
        share_limits: tuple[float, float] = (0.0, np.inf),
    ) -> None:
        check_detections(ground_truth, detections)
        self.n_images, self.n_classes = ground_truth.n_images, ground_truth.n_classes
        order, hit, ignored, others = _matched(ground_truth, detections, share_limits)
        labels = detections.labels[order]
        ranked = np.lexsort((-detections.scores[order], labels))
        ends = np.searchsorted(labels[ranked], np.arange(self.n_classes), side="right")
        images = detections.image_index[order]
        self._by_class = [
            (hit[rows], ignored[rows], images[rows]) for rows in np.split(ranked, ends[:-1])
        ]
        targets = ground_truth.group[~others]
        self._target_images = targets // self.n_classes
        self._target_labels = targets % self.n_classes

    def precision(self, counts: Ints | None = None) -> Floats:
        """Returns the precision by IoU threshold, recall and class; see `precision_at_recalls`.

        Args:
            counts: How often each image counts, (n_images,); by default once.
        """
        counts = np.ones(self.n_images, np.int64) if counts is None else counts
        n_true = np.zeros(self.n_classes, np.int64)
        np.add.at(n_true, self._target_labels, counts[self._target_images])
        precision = np.full((len(_IOUS), len(_RECALLS), self.n_classes), -1.0)
        for label, (hit, ignored, images) in enumerate(self._by_class):
            if n_true[label]:
                precision[:, :, label] = _precision(
                    hit, ignored, counts[images], int(n_true[label])
                )
        return precision


def _matched(
    ground_truth: GroundTruth, detections: Detections, share_limits: tuple[float, float]
) -> tuple[Ints, Bools, Bools, Bools]:
    """Matches all that count, at most 100 detections of an image and class.

    Returns:
        Which detections count, (m,); which of them hit a box, and which neither hit nor miss, by
        IoU threshold, (m, 10) each; which true boxes are not to be found.
    """
    n_classes = ground_truth.n_classes
    group = detections.image_index * n_classes + detections.labels
    # Best first within an image and class; equal scores keep their order, as everywhere in COCO.
    order = np.lexsort((-detections.scores, group))
    order = order[_position_in_run(group[order]) < _MAX_DETECTIONS]
    boxes, image = detections.sides()[order], detections.image_index[order]
    others = _outside(ground_truth.shares, share_limits) | ground_truth.is_crowd
    hit, ignored = _match(ground_truth, others, group[order], boxes)
    outside = _outside(boxes[:, 2:].prod(1) / ground_truth.image_areas[image], share_limits)
    ignored |= outside[:, None] & ~hit
    return order, hit, ignored, others


def _outside(values: Floats, limits: tuple[float, float]) -> Bools:
    return (values < limits[0]) | (values > limits[1])


def _match(
    ground_truth: GroundTruth, others: Bools, group: Ints, boxes: Floats
) -> tuple[Bools, Bools]:
    """Gives each detection, best first, the free true box of its group that it overlaps most.

    Args:
        ground_truth: The true boxes.
        others: Which of them are not to be found: crowds, and those of another size.
        group: (m,), ascending, and best first within a group.
        boxes: (m, 4) left, top, width, height.

    Returns:
        Which detections hit a box, and which one of the others, at each IoU threshold: (m, 10)
        each.
    """
    detection, target, iou = _overlapping_pairs(ground_truth, group, boxes)
    # A detection prefers boxes to be found, then the larger overlap, of equal ones the later box.
    preference = np.lexsort((-target, -iou, others[target], detection))
    detection, target, iou = detection[preference], target[preference], iou[preference]
    reached = iou[:, None] >= _IOUS
    crowd, other = ground_truth.is_crowd[target, None], others[target, None]

    hit = np.zeros((len(group), len(_IOUS)), bool)
    ignored = np.zeros_like(hit)
    taken = np.zeros((len(ground_truth.group), len(_IOUS)), bool)
    # Groups do not compete: the first pairs of all are settled at once, then all second ones, ...
    turn = _position_in_run(group[detection])
    by_turn = np.argsort(turn, kind="stable")
    for pairs in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1]):
        ours, theirs = detection[pairs], target[pairs]
        won = reached[pairs] & ~hit[ours] & (~taken[theirs] | crowd[pairs])
        hit[ours] |= won
        ignored[ours] |= won & other[pairs]
        taken[theirs] |= won
    return hit, ignored


def _overlapping_pairs(
    ground_truth: GroundTruth, group: Ints, boxes: Floats
) -> tuple[Ints, Ints, Floats]:
    """Returns detection, true box and IoU of all pairs of one group with at least the least IoU."""
    starts = np.searchsorted(ground_truth.group, group)
    counts = np.searchsorted(ground_truth.group, group, side="right") - starts
    detection = np.repeat(np.arange(len(group)), counts)
    target = starts[detection] + _position_in_run(detection)

    ours, theirs = boxes[detection], ground_truth.boxes[target]
    low = np.maximum(ours[:, :2], theirs[:, :2])
    high = np.minimum(ours[:, :2] + ours[:, 2:], theirs[:, :2] + theirs[:, 2:])
    overlap = (high - low).clip(min=0).prod(1)
    area = ours[:, 2:].prod(1)
    # A crowd is no single object: what counts is how much of the detection lies in it.
    union = area + theirs[:, 2:].prod(1) - overlap
    union[ground_truth.is_crowd[target]] = area[ground_truth.is_crowd[target]]
    iou = np.divide(overlap, union, out=np.zeros_like(overlap), where=overlap > 0)
    close = iou >= _IOUS[0]
    return detection[close], target[close], iou[close]


def _precision(hit: Bools, ignored: Bools, counts: Ints, n_true: int) -> Floats:
    """Finds the best precision at each of the 101 recalls or beyond.

    Args:
        hit: (m, 10), for the detections of a class, best first, by IoU threshold.
        ignored: (m, 10), those of them that do not count.
        counts: (m,), how often each detection counts, as if it stood there so many times.
        n_true: How many boxes there are to be found.

    Returns:
        (10, 101), 0 at recalls that are not reached.
    """
    counted = np.cumsum(counts[:, None] * ~ignored, axis=0)
    best = np.zeros((len(_IOUS), len(_RECALLS)))
    for threshold, true_positive in enumerate((hit & ~ignored).T):
        # Between two true positives precision falls only, so these alone decide.
        found = np.cumsum(counts[true_positive])
        precision = found / (counted[true_positive, threshold] + _SPACING)
        best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
        position = np.searchsorted(found / n_true, _RECALLS)
        reached = position < len(found)
        best[threshold, reached] = best_from_here[position[reached]]
    return best


def _position_in_run(values: Ints) -> Ints:
    """Counts 0, 1, ... within each run of equal values: (m,) to (m,)."""
    starts = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
    lengths = np.diff(starts, append=len(values))
    position: Ints = np.arange(len(values)) - np.repeat(starts, lengths)
    return position
