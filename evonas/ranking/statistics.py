"""Rank statistics of predicted against true values, over any number of resamples at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from evonas.arrays import Floats

Bools = NDArray[np.bool_]
# True and predicted values, (b, n) each, to a figure for each row, (b,).
Statistic = Callable[[Floats, Floats], Floats]

_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % bootstrap interval; NaN where undefined or not asked for."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


def kendall_tau(true: Floats, predicted: Floats, pairs: Bools | None = None) -> Floats:
    """Kendall's tau-b, which counts ties: (b, n) twice to (b,); NaN where all are tied.

    Args:
        true: (b, n).
        predicted: (b, n).
        pairs: (n, n) symmetric, the pairs to count; by default all.

    >>> kendall_tau(np.array([[1., 2., 3., 3.]]), np.array([[1., 3., 2., 2.]])).round(2)
    array([0.2])
    """
    taus = np.empty(len(true))
    for row, (t, p) in enumerate(zip(true, predicted, strict=True)):
        t_sign, p_sign = _signs(t), _signs(p)
        if pairs is not None:
            t_sign, p_sign = t_sign * pairs, p_sign * pairs
        untied = float(np.count_nonzero(t_sign)) * float(np.count_nonzero(p_sign))
        concordant = (t_sign * p_sign).sum(dtype=np.int64)
        taus[row] = concordant / np.sqrt(untied) if untied else np.nan
    return taus


def spearman(true: Floats, predicted: Floats) -> Floats:
    """Spearman's rank correlation, (b,); ties share their mean rank; NaN where all are tied."""
    t, p = (
        ranks - ranks.mean(axis=1, keepdims=True)
        for ranks in (rankdata(true, axis=1), rankdata(predicted, axis=1))
    )
    scale = np.sqrt((t**2).sum(axis=1) * (p**2).sum(axis=1))
    correlation: Floats = np.divide(
        (t * p).sum(axis=1), scale, out=np.full(len(t), np.nan), where=scale > 0
    )
    return correlation


def top_overlap(k: int) -> Statistic:
    """Returns the statistic: share of the true k best among the k best by prediction."""

    def statistic(true: Floats, predicted: Floats) -> Floats:
        shared = _is_top(true, k) & _is_top(predicted, k)
        share: Floats = shared.sum(axis=1) / min(k, true.shape[1])
        return share

    return statistic


def regret(k: int) -> Statistic:
    """Returns the statistic: the best true value less the best among the k best by prediction."""

    def statistic(true: Floats, predicted: Floats) -> Floats:
        found = np.where(_is_top(predicted, k), true, -np.inf).max(axis=1)
        lost: Floats = true.max(axis=1) - found
        return lost

    return statistic


def bootstrap(
    statistic: Statistic, true: Floats, predicted: Floats, resamples: int = 1000, seed: int = 0
) -> Interval:
    """Returns a statistic of (n,) values with its percentile interval over resampled rows.

    The same seed draws the same rows, so that the intervals of several predictors are about the
    same resamples. (A row drawn twice is tied with itself in both orders and counts for nothing.)
    """
    value = float(statistic(true[None], predicted[None])[0])
    if not resamples or len(true) < 2:
        return Interval(value)
    rows = np.random.default_rng(seed).integers(0, len(true), (resamples, len(true)))
    figures = statistic(true[rows], predicted[rows])
    figures = figures[~np.isnan(figures)]
    if not len(figures):
        return Interval(value)
    low, high = np.quantile(figures, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(value, float(low), float(high))


def _signs(values: Floats) -> NDArray[np.int8]:
    less = values[:, None] < values
    return less.astype(np.int8) - less.T


def _is_top(values: Floats, k: int) -> Bools:
    """Marks the k largest of each row; of equal values the earlier ones."""
    top = np.zeros(values.shape, bool)
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    np.put_along_axis(top, order, True, axis=1)
    return top
