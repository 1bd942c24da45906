"""How far to trust a predictor: its errors on networks it never saw."""

from dataclasses import asdict, dataclass

import numpy as np

from evonas.arrays import Floats


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors of predictions against measurements.

    Attributes:
        n_test: Number of networks.
        r2: Coefficient of determination.
        mape: Mean absolute error over the measured time, a fraction.
        within_5: Share of the networks predicted within 5 %.
        within_10: Share of the networks predicted within 10 %.
        tau: Kendall's rank correlation.
    """

    n_test: int
    r2: float
    mape: float
    within_5: float
    within_10: float
    tau: float

    def as_dict(self) -> dict[str, float]:
        """Returns the figures by name."""
        return asdict(self)


def accuracy(measured_ms: Floats, predicted_ms: Floats) -> Accuracy:
    """Compares predictions with measurements, both (n,).

    >>> accuracy(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.05, 4.3])).within_5
    0.6666666666666666
    """
    from scipy.stats import kendalltau

    error = np.abs(predicted_ms - measured_ms) / measured_ms
    residual = np.square(predicted_ms - measured_ms).sum()
    total = np.square(measured_ms - measured_ms.mean()).sum()
    return Accuracy(
        n_test=len(measured_ms),
        r2=float(1 - residual / total) if total else float("nan"),
        mape=float(error.mean()),
        within_5=float((error <= 0.05).mean()),
        within_10=float((error <= 0.10).mean()),
        tau=float(kendalltau(measured_ms, predicted_ms)[0]),
    )
