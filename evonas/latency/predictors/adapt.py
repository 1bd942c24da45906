"""A device with few measurements, from the nearest device that is known well."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evonas.arrays import Floats
from evonas.latency.predictors.linear import fit_linear
from evonas.latency.predictors.metrics import Accuracy, accuracy
from evonas.latency.predictors.models import LinearModel
from evonas.latency.predictors.observations import networks
from evonas.latency.predictors.predictor import LatencyPredictor, list_predictors, load_predictor
from evonas.latency.store import Measurements

DataDir = Path | str | None

# What a predictor's versions say of `errors` where it is fitted to every measurement.
CROSS_VALIDATED = "cross-validation"

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A predictor of a new device, and what the known one was worth.

    Attributes:
        predictor: Fitted to all measurements, in the better of the two ways.
        nearest: The known device whose times are most nearly proportional; empty if none is.
        adapted: Errors, by cross-validation, of correcting that device's times; None without one.
        scratch: Errors, by cross-validation, of a fit that knows no other device.
    """

    predictor: LatencyPredictor
    nearest: str
    adapted: Accuracy | None
    scratch: Accuracy


def adapt(measurements: Measurements, data_dir: DataDir = None) -> Adaptation:
    """Fits a predictor from scratch and from the nearest known device, and keeps the better.

    Raises:
        DataError: Too few networks.
    """
    nearest = nearest_device(measurements, data_dir)
    scratch = _cross_validated(measurements, None)
    adapted, table = None, None
    if nearest:
        table = _table(nearest, measurements, data_dir)
        adapted = _cross_validated(measurements, table)
    better = adapted is not None and adapted.mape < scratch.mape
    judged = adapted if adapted is not None and better else scratch
    fitted = fit_linear(measurements.space, networks(measurements), table if better else None)
    latency = measurements.latency_ms
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
    )
    return Adaptation(predictor, nearest, adapted, scratch)


def nearest_device(measurements: Measurements, data_dir: DataDir = None) -> str:
    """Returns the known device whose predictions are most nearly proportional; "" without any."""
    spreads: dict[str, float] = {}
    for device in list_predictors(measurements.space, data_dir):
        if device == measurements.device:
            continue
        known = load_predictor(device, measurements.space, data_dir)
        if not isinstance(known.model, LinearModel):  # a larger space's
            continue
        ratio = np.log(measurements.latency_ms / known.predict(measurements.genotypes))
        spreads[device] = float(np.subtract(*np.percentile(ratio, (75, 25))))
    return min(spreads, key=spreads.__getitem__) if spreads else ""


def _table(device: str, measurements: Measurements, data_dir: DataDir) -> Floats:
    model = load_predictor(device, measurements.space, data_dir).model
    assert isinstance(model, LinearModel)
    return model.table


def _cross_validated(measurements: Measurements, alike: Floats | None) -> Accuracy:
    predicted = np.zeros(len(measurements))
    fold = np.arange(len(measurements)) % _FOLDS
    for k in range(_FOLDS):
        train = measurements.select(fold != k)
        table = fit_linear(measurements.space, networks(train), alike)
        test = measurements.genotypes[fold == k]
        predicted[fold == k] = LinearModel(measurements.space, table).predict(test)
    return accuracy(measurements.latency_ms, predicted)
