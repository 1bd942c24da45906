"""From measurements to a predictor, with its errors on networks held out of the fit."""

import zlib

import numpy as np
from numpy.typing import NDArray

from evonas.latency.linear import fit_linear
from evonas.latency.metrics import Accuracy, accuracy
from evonas.latency.models import LinearModel
from evonas.latency.predictor import LatencyPredictor
from evonas.latency.store import ROLES, Measurements

# One random network in so many is never fitted to.
_HELD_OUT = 5


def held_out(measurements: Measurements) -> NDArray[np.bool_]:
    """Marks the random networks that no fit uses: by a hash, the same as a campaign grows."""
    hashes = [zlib.crc32(genotype.tobytes()) for genotype in measurements.genotypes]
    chosen = np.array(hashes, np.int64) % _HELD_OUT == 0
    mask: NDArray[np.bool_] = chosen & (measurements.columns["role"] == ROLES.index("random"))
    return mask


def fit_predictor(measurements: Measurements) -> LatencyPredictor:
    """Fits a predictor to the measurements that are not held out.

    Raises:
        DataError: Too few networks.
    """
    measurements = measurements.trusted()
    mask = held_out(measurements)
    train, test = measurements.select(~mask), measurements.select(mask)
    space = measurements.space
    fit = fit_linear(space, train.genotypes, train.latency_ms)
    predictor = LatencyPredictor(
        device=measurements.device,
        space=space,
        model=LinearModel(space, fit.table),
        source=measurements.source,
        range_ms=(float(train.latency_ms.min()), float(train.latency_ms.max())),
        n_train=len(train),
        versions=measurements.versions,
    )
    return _with_accuracy(predictor, test)


def evaluate(predictor: LatencyPredictor, measurements: Measurements) -> Accuracy:
    """Returns the errors on the given measurements."""
    return accuracy(measurements.latency_ms, predictor.predict(measurements.genotypes))


def _with_accuracy(predictor: LatencyPredictor, test: Measurements) -> LatencyPredictor:
    from dataclasses import replace

    if not len(test):
        return predictor
    return replace(predictor, accuracy=evaluate(predictor, test).as_dict())
