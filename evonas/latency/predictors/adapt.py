"""A device with few measurements, from the nearest device that is known well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.latency.predictors.interval import interval
from evonas.latency.predictors.linear import fit_linear
from evonas.latency.predictors.metrics import Accuracy, accuracy
from evonas.latency.predictors.models import LinearModel, TranslatedModel, additive
from evonas.latency.predictors.observations import networks
from evonas.latency.predictors.predictor import LatencyPredictor, list_predictors, load_predictor
from evonas.latency.store import Measurements, load_measurements, measurements_path

DataDir = Path | str | None

# What a predictor's versions say of `errors` where it is fitted to every measurement.
CROSS_VALIDATED = "cross-validation"

# Of an imported device; the shipped ones reach 0.9 and more.
LOWEST_TAU = 0.5

_FOLDS = 5
# Two devices are one if of so many networks the times are the same but for rounding. No device
# measures itself so well a second time.
_TWIN, _SAME = 0.5, 1e-4


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A predictor of a new device, and what the known one was worth.

    Attributes:
        predictor: Fitted to all measurements, in the better of the two ways.
        nearest: The known device whose times are most nearly proportional; empty if none is.
        adapted: Errors, by cross-validation, of correcting that device's times; None without one.
        scratch: Errors, by cross-validation, of a fit that knows no other device.
        twins: Known devices with the same times, which were left out: a device that is fitted
            from its own twin is told a too small error.
    """

    predictor: LatencyPredictor
    nearest: str
    adapted: Accuracy | None
    scratch: Accuracy
    twins: tuple[str, ...] = ()


def adapt(measurements: Measurements, data_dir: DataDir = None, force: bool = False) -> Adaptation:
    """Fits a predictor from scratch and from the nearest known device, and keeps the better.

    Args:
        measurements: Of the device.
        data_dir: Folder with the known devices' predictors.
        force: Keep a predictor that ranks networks worse than `LOWEST_TAU`.

    Raises:
        DataError: Too few networks, or a predictor that ranks them worse than that.
    """
    nearest = nearest_device(measurements, data_dir)
    latency = measurements.latency_ms
    left_out = cross_validated(measurements, _fitted(None))
    scratch, adapted, table = accuracy(latency, left_out), None, None
    if nearest:
        table = additive(load_predictor(nearest, measurements.space, data_dir).model).table
        beside = cross_validated(measurements, _fitted(table))
        adapted = accuracy(latency, beside)
    better = adapted is not None and adapted.mape < scratch.mape
    judged = adapted if adapted is not None and better else scratch
    predicted = beside if better else left_out
    if not force and not judged.tau >= LOWEST_TAU:  # NaN where all times are equal
        raise DataError(
            f"{measurements.device}: what is predicted of networks left out of the fit agrees with "
            f"their measured times by Kendall's tau {judged.tau:.2f}; at least {LOWEST_TAU} is "
            "expected. Do the latencies stand beside the right networks? --force takes them all "
            "the same"
        )
    fitted = fit_linear(measurements.space, networks(measurements), table if better else None)
    predictor = LatencyPredictor(
        device=measurements.device,
        space=measurements.space,
        model=LinearModel(measurements.space, fitted),
        source=measurements.source,
        range_ms=(float(latency.min()), float(latency.max())),
        n_train=len(latency),
        accuracy=judged.as_dict(),
        versions={
            **measurements.versions,
            "errors": CROSS_VALIDATED,
            **({"adapted_from": nearest} if better else {}),
        },
        interval=interval(latency, predicted),
    )
    twins = tuple(_twins(measurements, data_dir))
    return Adaptation(predictor, nearest, adapted, scratch, twins)


def nearest_device(measurements: Measurements, data_dir: DataDir = None) -> str:
    """Returns the known device whose predictions are most nearly proportional; "" without any."""
    spreads: dict[str, float] = {}
    twins = set(_twins(measurements, data_dir))
    for device in list_predictors(measurements.space, data_dir):
        if device == measurements.device or device in twins:
            continue
        known = load_predictor(device, measurements.space, data_dir)
        if isinstance(known.model, TranslatedModel):  # a larger space's
            continue
        ratio = np.log(measurements.latency_ms / known.predict(measurements.genotypes))
        # Unlike quartiles, this stays where up to half of the rows are wrong.
        spreads[device] = float(np.median(np.abs(ratio - np.median(ratio))))
    return min(spreads, key=spreads.__getitem__) if spreads else ""


def _twins(measurements: Measurements, data_dir: DataDir) -> Iterator[str]:
    """Yields the known devices whose measured times of the same networks are the same."""
    space = measurements.space
    ours = dict(
        zip(map(bytes, measurements.genotypes), measurements.latency_ms.tolist(), strict=True)
    )
    for device in list_predictors(space, data_dir):
        path = measurements_path(device, space, data_dir)
        if device == measurements.device or not path.exists():
            continue
        known = load_measurements(path, space).trusted()
        pairs = [
            (ours[key], theirs)
            for key, theirs in zip(map(bytes, known.genotypes), known.latency_ms, strict=True)
            if key in ours
        ]
        same = sum(abs(one - other) <= _SAME * other for one, other in pairs)
        if same >= _TWIN * len(ours):
            yield device


def cross_validated(measurements: Measurements, fit: Callable[[Measurements], Floats]) -> Floats:
    """Returns (n,) what is predicted of each network by a fit without it.

    Args:
        measurements: The networks.
        fit: Makes a table (n_cells,) of some of them.
    """
    predicted = np.zeros(len(measurements))
    fold = np.arange(len(measurements)) % _FOLDS
    for k in range(_FOLDS):
        table = fit(measurements.select(fold != k))
        test = fold == k
        predicted[test] = measurements.space.sum_cells(measurements.genotypes[test], table)
    return predicted


def _fitted(alike: Floats | None) -> Callable[[Measurements], Floats]:
    """Returns the linear fit beside a device's table, or from scratch."""
    return lambda train: fit_linear(train.space, networks(train), alike)
