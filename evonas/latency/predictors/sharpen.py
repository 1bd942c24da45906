"""A model over all spaces, sharpened for one space by few networks measured in it."""

import numpy as np

from evonas.arrays import Floats
from evonas.latency.predictors.adapt import CROSS_VALIDATED, cross_validated
from evonas.latency.predictors.features import layer_kinds
from evonas.latency.predictors.interval import interval
from evonas.latency.predictors.linear import LayerProcess, check_enough
from evonas.latency.predictors.metrics import accuracy
from evonas.latency.predictors.models import LinearModel
from evonas.latency.predictors.observations import Observations, observe
from evonas.latency.predictors.predictor import LatencyPredictor
from evonas.latency.store import ROLES, Measurements
from evonas.space import SearchSpace


def sharpen(measurements: Measurements, table: Floats) -> LatencyPredictor:
    """Returns a space's predictor, fitted to all its measured networks but those of a front.

    Args:
        measurements: Of one device in one space; ten networks are enough.
        table: (n_cells,) what the model over all spaces says of the space.

    Raises:
        DataError: Fewer than ten networks.
    """
    measurements = measurements.trusted()
    front = measurements.columns["role"] == ROLES.index("front")
    train = measurements.select(~front)
    check_enough(len(train))
    latency = train.latency_ms
    sharpened = sharpened_table(train, table)
    left_out = cross_validated(train, lambda part: sharpened_table(part, table))
    return LatencyPredictor(
        device=train.device,
        space=train.space,
        model=LinearModel(train.space, sharpened, "sharpened"),
        source=train.source,
        range_ms=(float(latency.min()), float(latency.max())),
        n_train=len(latency),
        accuracy=accuracy(latency, left_out).as_dict(),
        versions={**train.versions, "errors": CROSS_VALIDATED},
        interval=interval(latency, left_out),
    )


def sharpened_table(train: Measurements, table: Floats) -> Floats:
    """Returns (n_cells,) a corrected table: the measured sums are observations of it."""
    kinds = layer_kinds(train.space)
    times = _Sharpened(train.space, observe(train), kinds.by_layer(table)).times()
    corrected: Floats = np.append(times, 0.0)[kinds.of_cell]
    return corrected


class _Sharpened(LayerProcess):
    """Begins with given times, all scaled to the rate that the observations show."""

    def __init__(self, space: SearchSpace, observed: Observations, given: Floats) -> None:
        self._given = given
        super().__init__(space, observed)

    def _begin(self, observed: Observations) -> Floats:
        rate = np.median(observed.milliseconds / (observed.counts @ self._given))
        begun: Floats = rate * self._given
        return begun
