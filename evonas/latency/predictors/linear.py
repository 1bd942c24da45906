"""The paper's linear latency model, fitted so that few networks suffice.

A network's time is a sum over its layers, each a number by (layer, input width, output width,
op): a *cell*. Thousands of cells and about a thousand networks: the plain regression has no unique
answer and knows nothing of cells it never saw. Here a layer's time is a price for what it asks of
the device (prices are not negative), times a correction that is alike for layers that are alike:
a Gaussian process over the layers, of which the measured sums are linear observations. How alike,
and how large the error of the measurements is, the marginal likelihood decides. The result is
still one table over the cells.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.latency.predictors.features import layer_kinds
from evonas.latency.predictors.layer_kernels import N_KERNELS, Likeness
from evonas.latency.predictors.observations import Observations
from evonas.space import SearchSpace

_FEWEST = 10
# Standard deviations to begin with: corrections by kernel, additive prices, measurements.
_START = (0.1, 0.1, 0.1, 0.05, 0.1, 0.02)
# A wide belief about the logarithms of the variances, so that few networks do not run away.
_BELIEF = (-4.0, 7.0)
_EVALUATIONS = 150
# The likelihood is asked about so many observations; the fit then takes all.
_SUBSET = 600
_SMALLEST = 0.05
_JITTER = 1e-8


def fit_linear(space: SearchSpace, observed: Observations, alike: Floats | None = None) -> Floats:
    """Fits the table; errors count relative to each observation.

    Args:
        space: The space.
        observed: What was measured.
        alike: (n_cells,) table of a device that is alike: its time has a price, too, so that
            fewer networks suffice.

    Returns:
        (n_cells,) milliseconds, 0 for skipped layers.

    Raises:
        DataError: Too few observations to fit anything.
    """
    check_enough(len(observed.milliseconds))
    kinds = layer_kinds(space)
    times = np.append(LayerProcess(space, observed, alike).times(), 0.0)
    table: Floats = times[kinds.of_cell]
    return table


def check_enough(count: int) -> None:
    """Refuses too few measured networks.

    Raises:
        DataError: Fewer than ten.
    """
    if count < _FEWEST:
        raise DataError(f"{count} measured networks: at least {_FEWEST} are required")


class LayerProcess:
    """The Gaussian process over a space's layers, given observed sums."""

    def __init__(
        self, space: SearchSpace, observed: Observations, alike: Floats | None = None
    ) -> None:
        from scipy.sparse import csr_array, diags_array  # for fits alone

        kinds = layer_kinds(space)
        self._likeness = Likeness(kinds)
        self._amounts, self._noise = kinds.amounts, observed.noise
        if alike is not None:
            theirs = kinds.by_layer(alike)
            self._amounts = np.column_stack([self._amounts, theirs / theirs.max()])
        relative = diags_array(1 / observed.milliseconds) @ observed.counts
        self._asked = relative @ self._amounts
        self._typical = np.abs(self._asked).mean(axis=0) + 1e-12
        self._base = self._begin(observed)
        shares = csr_array(relative @ diags_array(self._base))
        self._used = np.unique(shares.indices).astype(np.intp)
        self._shares = shares[:, self._used]
        self._residual = 1 - shares.sum(axis=1)

    def times(self) -> Floats:
        """Returns (n_layers,) milliseconds."""
        variances = self._likeliest()
        everything = np.arange(len(self._residual))
        covariance = self._covariance(self._kernels(everything), variances, everything)
        dual = np.linalg.solve(covariance, self._residual)
        source = self._shares.T @ dual
        layers = np.arange(len(self._base))
        correction = np.ones(len(layers))
        kernels = self._likeness.kernels(layers, self._used)
        for variance, kernel in zip(variances[:N_KERNELS], kernels, strict=True):
            correction += variance * (kernel @ source)
        scaled = self._amounts / self._typical
        prices = (self._asked / self._typical).T @ dual / scaled.shape[1]
        times = self._base * correction + variances[N_KERNELS] * (scaled @ prices)
        floored: Floats = np.maximum(times, _SMALLEST * self._base)
        return floored

    def _begin(self, observed: Observations) -> Floats:
        """What the layers' amounts cost at the non-negative prices of least relative error."""
        from scipy.optimize import nnls

        prices = nnls(self._asked, np.ones(len(observed.milliseconds)))[0]
        floor = 1e-5 * np.median(observed.milliseconds)
        base: Floats = np.maximum(self._amounts @ prices, floor)
        return base

    def _kernels(self, rows: NDArray[np.intp]) -> list[Floats]:
        """The kernels between observations: of corrections, then of additive prices."""
        shares = self._shares[rows]
        between = [
            shares @ (shares @ kernel).T
            for kernel in self._likeness.kernels(self._used, self._used)
        ]
        asked = self._asked[rows] / self._typical
        return [*between, asked @ asked.T / asked.shape[1]]

    def _covariance(
        self, kernels: list[Floats], variances: Floats, rows: NDArray[np.intp]
    ) -> Floats:
        total: Floats = np.diag(variances[-1] * self._noise[rows] + _JITTER)
        for variance, kernel in zip(variances[:-1], kernels, strict=True):
            total = total + variance * kernel
        return total

    def _likeliest(self) -> Floats:
        """Returns the variances under which a part of the observations is likeliest."""
        from scipy.optimize import minimize

        rows = np.arange(len(self._residual))
        if len(rows) > _SUBSET:
            rows = np.random.default_rng(0).choice(rows, _SUBSET, replace=False)
        kernels, residual = self._kernels(rows), self._residual[rows]
        mean, deviation = _BELIEF

        def surprise(logs: Floats) -> float:
            try:
                factor = np.linalg.cholesky(self._covariance(kernels, np.exp(logs), rows))
            except np.linalg.LinAlgError:
                return 1e12
            whitened = np.linalg.solve(factor, residual)
            belief = np.square((logs - mean) / deviation).sum() / 2
            return float(whitened @ whitened / 2 + np.log(np.diag(factor)).sum() + belief)

        options: Any = {"maxfev": _EVALUATIONS, "xatol": 0.1, "fatol": 0.1}
        start = 2 * np.log(np.array(_START))
        found = minimize(surprise, start, method="Nelder-Mead", options=options)
        variances: Floats = np.exp(found.x)
        return variances
