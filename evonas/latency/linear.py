"""The paper's linear latency model, fitted so that few networks suffice.

A network's time is a sum over its layers, each a number by (layer, input width, output width,
op): a *cell*. Thousands of cells and about a thousand networks: the plain regression has no unique
answer and knows nothing of cells it never saw. Here a layer's time is a price for what it asks of
the device (prices are not negative), times a correction that is alike for layers that are alike:
a Gaussian process over the layers, of which the measured sums are linear observations. How alike,
and how large the measurement's error is, the marginal likelihood decides. The result is still one
table over the cells.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import DataError
from evonas.latency.features import cell_features, cell_groups
from evonas.space import Genotypes, Layer, SearchSpace

Floats = NDArray[np.float64]

_FEWEST = 10
# Standard deviations to begin with: those of the corrections, then that of the measurements.
_START = (0.1, 0.1, 0.1, 0.05, 0.01)
# A wide belief about the logarithms of the variances, so that few networks do not run away.
_BELIEF = (-4.0, 7.0)
_EVALUATIONS = 250
# Widths are alike on a scale of factors: a neighbouring multiplier, and about a factor of two.
_NEAR, _FAR = 0.35, 1.0
_SMALLEST_CORRECTION = 0.1


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A fitted table.

    Attributes:
        table: (n_cells,) milliseconds.
        deviations: Found standard deviations of the corrections' components and, last, of the
            measurements, all relative.
    """

    table: Floats
    deviations: tuple[float, ...]


def fit_linear(space: SearchSpace, genotypes: Genotypes, latency_ms: Floats) -> LinearFit:
    """Fits the table to whole networks; errors count relative to each network's time.

    Args:
        space: The space.
        genotypes: (n, n_genes).
        latency_ms: (n,) positive.

    Raises:
        DataError: Too few networks to fit anything.
    """
    if len(genotypes) < _FEWEST:
        raise DataError(f"{len(genotypes)} measured networks: at least {_FEWEST} are needed")
    layers = _Layers(space)
    counts = layers.count(genotypes)
    prices = _prices(counts @ layers.features, latency_ms)
    base = np.maximum(layers.features @ prices, 1e-5 * np.median(latency_ms))
    shares = counts * base / latency_ms[:, None]
    residual = 1 - shares.sum(axis=1)
    kernels = [shares @ (kernel @ shares.T) for kernel in layers.kernels()]
    variances = _likeliest(kernels, residual)
    dual = np.linalg.solve(_covariance(kernels, variances), residual)
    correction = np.ones(len(base))
    for variance, kernel in zip(variances[:-1], layers.kernels(), strict=True):
        correction += variance * (kernel @ (shares.T @ dual))
    times = base * np.maximum(correction, _SMALLEST_CORRECTION)
    table = np.where(layers.of_cell >= 0, times[layers.of_cell], 0.0)
    return LinearFit(table, tuple(map(float, np.sqrt(variances))))


class _Layers:
    """The distinct layers of a space: what they ask for, and how alike they are.

    Attributes:
        of_cell: (n_cells,) number of a cell's layer, -1 for a skipped one.
        features: (n_layers, n_features).
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self.of_cell = cell_groups(space)
        cells = [int(np.flatnonzero(self.of_cell == g)[0]) for g in range(self.of_cell.max() + 1)]
        self.features = cell_features(space)[cells]
        by_cell = dict(space.cell_layers())
        self._layers = [layer for layer in map(by_cell.__getitem__, cells) if layer is not None]

    def count(self, genotypes: Genotypes) -> Floats:
        """Returns (n, n_layers): how often each network has each layer."""
        counts = np.zeros((len(genotypes), len(self._layers)))
        for column in self.of_cell[self._space.cells(genotypes)].T:
            rows = np.flatnonzero(column >= 0)
            counts[rows, column[rows]] += 1
        return counts

    def kernels(self) -> Iterator[NDArray[np.float32]]:
        """Yields the ways of being alike, each (n_layers, n_layers), the loosest first."""
        in_block = self._same(lambda layer: layer.block)
        yield in_block * self._same(lambda layer: layer.op.kind)
        op = in_block * self._same(lambda layer: layer.op.name)
        widths = np.log2([(layer.c_in, layer.c_out) for layer in self._layers])
        apart = np.square(widths[:, None] - widths[None]).sum(axis=-1, dtype=np.float32)
        yield op * np.exp(-apart / (2 * _FAR**2))
        op *= self._same(lambda layer: layer.index == 1)
        yield op * np.exp(-apart / (2 * _NEAR**2))
        yield np.eye(len(self._layers), dtype=np.float32)

    def _same(self, trait: Callable[[Layer], object]) -> NDArray[np.float32]:
        _, numbers = np.unique([str(trait(layer)) for layer in self._layers], return_inverse=True)
        same: NDArray[np.float32] = (numbers[:, None] == numbers[None]).astype(np.float32)
        return same


def _prices(amounts: Floats, latency_ms: Floats) -> Floats:
    """Non-negative prices of the amounts with the least relative error."""
    from scipy.optimize import nnls

    prices: Floats = nnls(amounts / latency_ms[:, None], np.ones(len(latency_ms)))[0]
    return prices


def _likeliest(kernels: list[Floats], residual: Floats) -> Floats:
    """Returns the variances under which the residual is likeliest."""
    from scipy.optimize import minimize

    mean, deviation = _BELIEF

    def surprise(logs: Floats) -> float:
        try:
            factor = np.linalg.cholesky(_covariance(kernels, np.exp(logs)))
        except np.linalg.LinAlgError:
            return 1e12
        whitened = np.linalg.solve(factor, residual)
        belief = np.square((logs - mean) / deviation).sum() / 2
        return float(whitened @ whitened / 2 + np.log(np.diag(factor)).sum() + belief)

    start = 2 * np.log(np.array(_START))
    options: Any = {"maxfev": _EVALUATIONS, "xatol": 0.05, "fatol": 0.05}
    found = minimize(surprise, start, method="Nelder-Mead", options=options)
    variances: Floats = np.exp(found.x)
    return variances


def _covariance(kernels: list[Floats], variances: Floats) -> Floats:
    total: Floats = variances[-1] * np.eye(len(kernels[0]))
    for variance, kernel in zip(variances[:-1], kernels, strict=True):
        total += variance * kernel
    return total
