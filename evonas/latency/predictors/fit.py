"""From measurements to a predictor, with its errors on networks held out of the fit."""

import zlib
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evonas.errors import DataError
from evonas.latency.predictors.boosted import fit_boosted
from evonas.latency.predictors.linear import fit_linear
from evonas.latency.predictors.metrics import Accuracy, accuracy
from evonas.latency.predictors.models import LinearModel
from evonas.latency.predictors.observations import observe
from evonas.latency.predictors.predictor import LatencyPredictor
from evonas.latency.store import ROLES, Measurements

Kind = Literal["linear", "boosted"]

# One random network in so many is never fitted to.
_HELD_OUT = 5


def held_out(measurements: Measurements) -> NDArray[np.bool_]:
    """Marks the random networks that no fit uses: by a hash, the same as a campaign grows."""
    hashes = [zlib.crc32(genotype.tobytes()) for genotype in measurements.genotypes]
    chosen = np.array(hashes, np.int64) % _HELD_OUT == 0
    mask: NDArray[np.bool_] = chosen & (measurements.columns["role"] == ROLES.index("random"))
    return mask


def split(measurements: Measurements) -> tuple[Measurements, Measurements]:
    """Returns the trusted networks to fit to, which are of no front, and those held out."""
    measurements = measurements.trusted()
    mask = held_out(measurements)
    front = measurements.columns["role"] == ROLES.index("front")
    return measurements.select(~mask & ~front), measurements.select(mask)


def fit_predictor(measurements: Measurements, kind: Kind | None = None) -> LatencyPredictor:
    """Fits a predictor to the measurements that are neither held out nor of a front.

    Args:
        measurements: Of one device in one space.
        kind: The form wanted; by default the one with the smaller error on the held-out networks.

    Raises:
        DataError: Too few networks, or trees asked for where the source tells no times by part.
    """
    train, test = split(measurements)
    if kind == "boosted" and "parts_ms" not in train.columns:
        raise DataError(
            f"{train.device}: trees need times by part, which a {train.source} source does not "
            f"tell; the linear model does without"
        )
    table = fit_linear(train.space, observe(train))
    candidates = [] if kind == "boosted" else [_predictor(train, table, "linear")]
    if kind != "linear" and "parts_ms" in train.columns:
        candidates.append(_predictor(train, fit_boosted(train, table), "boosted"))
    if not len(test):
        return candidates[0]
    judged = [replace(p, accuracy=evaluate(p, test).as_dict()) for p in candidates]
    return min(judged, key=lambda predictor: predictor.accuracy["mape"])


def _predictor(train: Measurements, table: NDArray[np.float64], kind: Kind) -> LatencyPredictor:
    return LatencyPredictor(
        device=train.device,
        space=train.space,
        model=LinearModel(train.space, table, kind),
        source=train.source,
        range_ms=(float(train.latency_ms.min()), float(train.latency_ms.max())),
        n_train=len(train),
        versions=train.versions,
    )


def evaluate(predictor: LatencyPredictor, measurements: Measurements) -> Accuracy:
    """Returns the errors on the given measurements."""
    return accuracy(measurements.latency_ms, predictor.predict(measurements.genotypes))
