"""How far AP could be off on other images of the same kind: intervals by the bootstrap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.training.average_precision import Matches, mean_precision

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Intervals:
    """Low and high end of each figure's interval; NaN for what no sample defines.

    Attributes:
        ap: COCO AP.
        ap50: AP at IoU 0.50.
        per_class: Each class's AP, (n_classes, 2).
    """

    ap: tuple[float, float]
    ap50: tuple[float, float]
    per_class: Floats


def bootstrap(matches: Matches, samples: int, seed: int, level: float = 0.95) -> Intervals:
    """Draws the images again and again, with replacement, and takes the quantiles of AP.

    Args:
        matches: Of the detections on all images.
        samples: How many times.
        seed: Of the draws.
        level: The share of the samples that is within the interval.
    """
    rng = np.random.default_rng(seed)
    rows = np.empty((samples, 2 + matches.n_classes))
    for row in rows:
        drawn = rng.integers(0, matches.n_images, matches.n_images)
        precision = matches.precision(np.bincount(drawn, minlength=matches.n_images))
        row[:2] = mean_precision(precision), mean_precision(precision[0])
        row[2:] = [mean_precision(of_class) for of_class in np.moveaxis(precision, 2, 0)]
    ends = np.full((rows.shape[1], 2), np.nan)
    for column, end in zip(rows.T, ends, strict=True):
        defined = column[~np.isnan(column)]
        if len(defined):
            end[:] = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    (ap_low, ap_high), (ap50_low, ap50_high) = ends[:2].tolist()
    return Intervals((ap_low, ap_high), (ap50_low, ap50_high), ends[2:])
