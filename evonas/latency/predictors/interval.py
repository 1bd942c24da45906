"""Where a measured time lies beside a prediction: split conformal intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from evonas.arrays import Floats
from evonas.errors import ConfigurationError

# Of a margin, unless another one is asked for.
COVERAGE = 0.98


@dataclass(frozen=True, slots=True)
class Interval:
    """Measured over predicted time of networks that were not fitted to.

    A new network's ratio is below the k-th smallest of n with a chance of k / (n + 1), if it is
    drawn as they were (Vovk et al., 2005). Where n is too small for a coverage, the largest ratio
    is taken.

    Attributes:
        ratios: Ascending; (1.0,) where predictions are exact.
    """

    ratios: tuple[float, ...]

    def upper(self, coverage: float = COVERAGE) -> float:
        """Returns the factor that a ratio exceeds with a chance of 1 - coverage.

        >>> Interval(tuple(0.95 + 0.01 * i for i in range(11))).upper(0.75)
        1.03
        """
        return self.ratios[self._rank(coverage) - 1]

    def lower(self, coverage: float = COVERAGE) -> float:
        """Returns the factor that a ratio falls below with a chance of 1 - coverage."""
        return self.ratios[len(self.ratios) - self._rank(coverage)]

    def bounds(self, coverage: float = COVERAGE) -> tuple[float, float]:
        """Returns the factors between which a ratio lies with such a chance.

        >>> Interval((0.9, 1.0, 1.2)).bounds(0.5)
        (0.9, 1.2)
        """
        one_sided = (1 + coverage) / 2 if isinstance(coverage, Real) else coverage
        return self.lower(one_sided), self.upper(one_sided)

    def _rank(self, coverage: float) -> int:
        if not isinstance(coverage, Real) or not 0.5 <= coverage < 1:
            raise ConfigurationError(f"coverage {coverage!r}: 0.5 to below 1 is allowed")
        n = len(self.ratios)
        return min(n, int(np.ceil(coverage * (n + 1) - 1e-9)))


EXACT = Interval((1.0,))


def interval(measured_ms: Floats, predicted_ms: Floats) -> Interval:
    """Returns the interval of measured and predicted times, (n,) each."""
    ratios = np.ceil(1e5 * np.sort(measured_ms / predicted_ms)) / 1e5
    return Interval(tuple(ratios.tolist()))


def read_interval(ratios: Sequence[float]) -> Interval:
    """Returns the interval that was saved.

    Raises:
        ValueError: They are no ascending positive numbers.
    """
    values = np.array(ratios, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError("its ratios are no numbers")
    if values[0] <= 0 or (np.diff(values) < 0).any():
        raise ValueError("its ratios are not positive and ascending")
    return Interval(tuple(values.tolist()))
