"""The paper's linear latency model, fitted so that few networks suffice.

A network's time is a sum over its layers, each a number by (layer, input width, output width,
op): a *cell*. Thousands of cells and about a thousand networks: the plain regression has no
unique answer and knows nothing of cells it never saw. Here a cell's time is itself a sum: weights
times what the layer asks of the device, an offset common to the layers of a block that are alike,
and an offset of its own. All are shrunk, the less general the more; how much is chosen by
leave-one-out error. The result is still one table over the cells.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from evonas.errors import DataError
from evonas.latency.features import cell_features, cell_groups
from evonas.space import Genotypes, SearchSpace

Floats = NDArray[np.float64]

# Prior scales of weights, common offsets and own offsets, in units of the relative noise.
_WEIGHT_SCALES = (3.0, 10.0, 30.0, 100.0, 300.0)
_OFFSET_SCALES = (0.1, 0.3, 1.0, 3.0, 10.0)
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A fitted table.

    Attributes:
        table: (n_cells,) milliseconds.
        scales: Chosen prior scales.
        loo_error: Root mean square of the relative leave-one-out errors.
    """

    table: Floats
    scales: tuple[float, float, float]
    loo_error: float


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
    parts = _cell_parts(space)
    weights = latency_ms.mean() / latency_ms
    rows = [_network_rows(space, genotypes, part) * weights[:, None] for part in parts]
    targets = np.ones(len(latency_ms)) * latency_ms.mean()
    kernels = [row @ row.T for row in rows]
    kernels = [kernel / np.trace(kernel) * len(kernel) for kernel in kernels]
    best: tuple[float, tuple[float, float, float]] | None = None
    for scales in product(_WEIGHT_SCALES, _OFFSET_SCALES, _OFFSET_SCALES):
        if scales[2] > scales[1]:
            continue
        error = _loo_error(kernels, scales, targets)
        if best is None or error < best[0]:
            best = error, scales
    assert best is not None
    error, scales = best
    dual = np.linalg.solve(_covariance(kernels, scales), targets)
    table = np.zeros(space.n_cells)
    for part, row, scale in zip(parts, rows, scales, strict=True):
        size = np.einsum("ij,ij->", row, row) / len(row)
        table += part @ (row.T @ dual) * (scale**2 / size)
    return LinearFit(table, scales, error / float(latency_ms.mean()))


def _cell_parts(space: SearchSpace) -> list[Floats]:
    """The three ways in which a cell gets its time, each (n_cells, p)."""
    groups = cell_groups(space)
    common = np.zeros((space.n_cells, groups.max() + 1))
    kept = groups >= 0
    common[np.flatnonzero(kept), groups[kept]] = 1
    return [cell_features(space), common, np.diag(kept.astype(float))]


def _network_rows(space: SearchSpace, genotypes: Genotypes, part: Floats) -> Floats:
    """Sums a part over each network's cells, (n, p)."""
    return part[space.cells(genotypes)].sum(axis=1)  # type: ignore[no-any-return]


def _covariance(kernels: list[Floats], scales: tuple[float, ...]) -> Floats:
    total = np.eye(len(kernels[0]))
    for kernel, scale in zip(kernels, scales, strict=True):
        total += scale**2 * kernel
    return total


def _loo_error(kernels: list[Floats], scales: tuple[float, ...], targets: Floats) -> float:
    """Leave-one-out root mean square error, in closed form for a ridge."""
    inverse = np.linalg.inv(_covariance(kernels, scales))
    return float(np.sqrt(np.mean((inverse @ targets / np.diag(inverse)) ** 2)))
