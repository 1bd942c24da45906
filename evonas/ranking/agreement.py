"""Scores against the truth: every statistic with its interval, alike costs, the noise ceiling."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.ranking.statistics import (
    Interval,
    Statistic,
    bootstrap,
    kendall_tau,
    regret,
    spearman,
    top_overlap,
)
from evonas.ranking.truth import Truth

STATISTICS: dict[str, Statistic] = {
    "tau": kendall_tau,
    "spearman": spearman,
    "top_10": top_overlap(10),
    "regret_5": regret(5),
}
# Networks are of alike cost if the costlier one's multiply-adds are at most this many times the
# cheaper one's.
ALIKE = 1.1
_DRAWS = 1000


def agreement(
    true: Floats, predicted: Floats, resamples: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """Returns every statistic of predicted against true values, both (n,), higher being better."""
    return {
        name: bootstrap(statistic, true, predicted, resamples, seed)
        for name, statistic in STATISTICS.items()
    }


def tau_among_alike(truth: Truth, predicted: Floats) -> tuple[float, int]:
    """Returns tau over the pairs of networks of alike cost, and how many pairs these are."""
    madds = np.log(truth.costs["madds"])
    pairs = abs(madds[:, None] - madds) <= np.log(ALIKE)
    np.fill_diagonal(pairs, False)
    tau = kendall_tau(truth.ap[None], predicted[None], pairs)[0]
    return float(tau), int(pairs.sum()) // 2


def noise_ceiling(truth: Truth, seed: int = 0) -> Interval:
    """Returns the tau that a perfect prediction would reach, as training has noise.

    The true values are taken to spread as the measured ones do less the noise; each draw adds
    noise of the size found between seeds, less where an architecture has several trainings, and
    ranks the noisy values against those without.
    """
    noise = truth.seed_std / np.sqrt(truth.n_runs)
    variance = truth.ap.var(ddof=1) if len(truth) > 1 else np.nan
    shrink = np.sqrt(max(0.0, 1 - (noise**2).mean() / variance))
    if np.isnan(shrink) or not shrink:
        return Interval(float("nan"))
    ideal = truth.ap.mean() + shrink * (truth.ap - truth.ap.mean())
    drawn = np.random.default_rng(seed).normal(ideal, noise, (_DRAWS, len(truth)))
    taus = kendall_tau(drawn, np.broadcast_to(ideal, drawn.shape))
    low, high = np.quantile(taus, [0.025, 0.975])
    return Interval(float(taus.mean()), float(low), float(high))


def tau_between_seeds(truth: Truth) -> float:
    """Returns the mean tau between the rankings that two trainings of the same networks give."""
    taus = []
    for i in range(truth.runs.shape[1]):
        for j in range(i):
            both = truth.runs[~np.isnan(truth.runs[:, [i, j]]).any(axis=1)]
            if len(both) > 2:
                taus.append(kendall_tau(both[None, :, i], both[None, :, j])[0])
    return float(np.mean(taus)) if taus else float("nan")


def within(groups: NDArray[np.int64], true: Floats, predicted: Floats) -> dict[int, Interval]:
    """Returns tau with its interval within each group that has at least three members.

    Args:
        groups: (n,) group numbers.
        true: (n,).
        predicted: (n,).
    """
    statistic = partial(bootstrap, kendall_tau)
    members = {int(g): groups == g for g in np.unique(groups)}
    return {g: statistic(true[m], predicted[m]) for g, m in members.items() if m.sum() > 2}
