"""From measurements to a predictor, with its errors on networks held out of the fit."""

import zlib
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evonas.errors import DataError
from evonas.latency.predictors.boosted import fit_boosted
from evonas.latency.predictors.fit_neighbours import fit_neighbours
from evonas.latency.predictors.interval import interval
from evonas.latency.predictors.linear import fit_linear
from evonas.latency.predictors.metrics import Accuracy, accuracy
from evonas.latency.predictors.models import LinearModel, Model, additive
from evonas.latency.predictors.observations import observe
from evonas.latency.predictors.predictor import LatencyPredictor
from evonas.latency.store import ROLES, Measurements
from evonas.space import Genotypes

Kind = Literal["linear", "boosted", "neighbours"]

# One random network in so many is never fitted to.
_HELD_OUT = 5
# So many networks held out give an interval of their own.
_ENOUGH = 20
# Trees on top of a table are slower and no longer a sum over layers: they must be worth it.
_WORTH = 0.95


def held_out(measurements: Measurements) -> NDArray[np.bool_]:
    """Marks the random networks that no fit uses: the same as a campaign grows."""
    random = measurements.columns["role"] == ROLES.index("random")
    mask: NDArray[np.bool_] = random & are_held_out(measurements.genotypes)
    return mask


def are_held_out(genotypes: Genotypes) -> NDArray[np.bool_]:
    """Returns (n,) whether no fit uses networks (n, n_genes) where they are random, by a hash."""
    hashes = [zlib.crc32(genotype.tobytes()) for genotype in genotypes]
    chosen: NDArray[np.bool_] = np.array(hashes, np.int64) % _HELD_OUT == 0
    return chosen


def split(measurements: Measurements) -> tuple[Measurements, Measurements]:
    """Returns the trusted networks to fit to, which are of no front, and those held out."""
    measurements = measurements.trusted()
    mask = held_out(measurements)
    front = measurements.columns["role"] == ROLES.index("front")
    return measurements.select(~mask & ~front), measurements.select(mask)


def fit_predictor(
    measurements: Measurements, kind: Kind | None = None, prefixes: Measurements | None = None
) -> LatencyPredictor:
    """Fits a predictor to the measurements that are neither held out nor of a front.

    Args:
        measurements: Of one device in one space.
        kind: The form wanted; by default the one with the smaller error on the held-out networks,
            `neighbours` only if it is smaller by a twentieth.
        prefixes: Networks cut short, for `neighbours`.

    Raises:
        DataError: Too few networks, or trees asked for where the source tells no times by part.
    """
    train, test = split(measurements)
    if kind not in (None, "linear") and "parts_ms" not in train.columns:
        raise DataError(
            f"{train.device}: trees need times by part, which a {train.source} source does not "
            f"tell; the linear model does without"
        )
    tables = _tables(train, kind)
    found = [judged(train, test, table) for table in tables if kind != "neighbours"]
    best = min(found, key=_error, default=None)
    if kind == "neighbours" or (kind is None and len(test) and "parts_ms" in train.columns):
        base = additive(best.model) if best else tables[-1]
        corrected = judged(train, test, fit_neighbours(train, base.table, prefixes))
        if best is None or _error(corrected) < _WORTH * _error(best):
            return corrected
    assert best is not None
    return best


def _tables(train: Measurements, kind: Kind | None) -> list[LinearModel]:
    """The additive models that are asked for; of the form `neighbours`, those that it may need."""
    table = fit_linear(train.space, observe(train))
    found = [LinearModel(train.space, table, "linear")] if kind != "boosted" else []
    if kind != "linear" and "parts_ms" in train.columns:
        found.append(LinearModel(train.space, fit_boosted(train, table), "boosted"))
    return found


def judged(train: Measurements, test: Measurements, model: Model) -> LatencyPredictor:
    """Returns the predictor with its errors on networks held out, if there are any."""
    latency = train.latency_ms
    predictor = LatencyPredictor(
        device=train.device,
        space=train.space,
        model=model,
        source=train.source,
        range_ms=(float(latency.min()), float(latency.max())),
        n_train=len(train),
        versions=train.versions,
    )
    if not len(test):
        return predictor
    return with_intervals(replace(predictor, accuracy=evaluate(predictor, test).as_dict()), test)


def with_intervals(predictor: LatencyPredictor, test: Measurements) -> LatencyPredictor:
    """Returns the predictor with the intervals that networks held out give."""
    measured, predicted = test.latency_ms, predictor.predict(test.genotypes)
    unsure = predictor.model.unsure(test.genotypes)
    told_apart = min(unsure.sum(), (~unsure).sum()) >= _ENOUGH
    return replace(
        predictor,
        interval=interval(measured, predicted),
        by_sureness=(
            interval(measured[~unsure], predicted[~unsure]),
            interval(measured[unsure], predicted[unsure]),
        )
        if told_apart
        else None,
    )


def _error(predictor: LatencyPredictor) -> float:
    """Mean error on networks held out; of several forms, the first where it is not known."""
    return predictor.accuracy.get("mape", 0.0)


def evaluate(predictor: LatencyPredictor, measurements: Measurements) -> Accuracy:
    """Returns the errors on the given measurements."""
    return accuracy(measurements.latency_ms, predictor.predict(measurements.genotypes))
