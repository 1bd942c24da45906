"""Times of single operations where only whole networks were timed.

A network's time is a sum over its operations: a price for what each asks of the device, times a
correction that is alike for operations that are alike. The corrections are a Gaussian process, of
which the networks' times are linear observations, as in `linear`, but over operations of any space.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evonas.arrays import Floats
from evonas.latency.predictors.operations import Operation

# Octaves of channels and of the map's side at which likeness fades: within a kind of work, and
# within one kernel and stride of it.
_FAR, _NEAR = 2.0, 0.8
# Standard deviations to begin with: of the two kinds of corrections, and of the measurements.
_START = (0.2, 0.2, 0.03)
_BELIEF = (-4.0, 7.0)  # mean and variance of the logarithms of their squares
_EVALUATIONS = 120
_SMALLEST = 0.05
_JITTER = 1e-8


def shared_times(
    found: Sequence[Operation], counts: Floats, milliseconds: Floats, base: Floats
) -> Floats:
    """Returns (n_operations,) times that explain those of networks.

    Args:
        found: The distinct operations.
        counts: (n_networks, n_operations) how often each stands in a network.
        milliseconds: (n_networks,) measured times.
        base: (n_operations,) times to begin with.
    """
    shares = counts * base / milliseconds[:, None]
    residual = 1 - shares.sum(axis=1)
    kernels = _kernels(found)
    between = [shares @ kernel @ shares.T for kernel in kernels]
    variances = _likeliest(between, residual)
    dual = np.linalg.solve(_covariance(between, variances), residual)
    source = shares.T @ dual
    correction = np.ones(len(found))
    for variance, kernel in zip(variances[:-1], kernels, strict=True):
        correction += variance * (kernel @ source)
    times: Floats = base * np.maximum(correction, _SMALLEST)
    return times


def _kernels(found: Sequence[Operation]) -> list[Floats]:
    place = np.log2([(op.c_in, op.c_out, op.size) for op in found])
    square = np.square(place).sum(axis=1)
    apart = np.maximum(square[:, None] + square - 2 * place @ place.T, 0.0)
    work = np.array([op.category for op in found])
    form = np.unique(
        [f"{op.category} {op.kernel} {op.stride} {op.activation} {op.kind}" for op in found],
        return_inverse=True,
    )[1]
    return [
        (codes[:, None] == codes) * np.exp(-apart / (2 * width**2))
        for codes, width in ((work, _FAR), (form, _NEAR))
    ]


def _covariance(between: Sequence[Floats], variances: Floats) -> Floats:
    total: Floats = (variances[-1] + _JITTER) * np.eye(len(between[0]))
    for variance, kernel in zip(variances[:-1], between, strict=True):
        total = total + variance * kernel
    return total


def _likeliest(between: Sequence[Floats], residual: Floats) -> Floats:
    """Returns the variances under which the networks' times are likeliest."""
    from scipy.optimize import minimize

    mean, spread = _BELIEF

    def surprise(logs: Floats) -> float:
        try:
            factor = np.linalg.cholesky(_covariance(between, np.exp(logs)))
        except np.linalg.LinAlgError:
            return 1e12
        whitened = np.linalg.solve(factor, residual)
        belief = np.square(logs - mean).sum() / (2 * spread)
        return float(whitened @ whitened / 2 + np.log(np.diag(factor)).sum() + belief)

    options: Any = {"maxfev": _EVALUATIONS, "xatol": 0.1, "fatol": 0.1}
    start = 2 * np.log(np.array(_START))
    found = minimize(surprise, start, method="Nelder-Mead", options=options)
    variances: Floats = np.exp(found.x)
    return variances
