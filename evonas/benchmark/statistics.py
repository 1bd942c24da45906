"""What the runs of a comparison say: effect sizes, tests with correction, ranks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import friedmanchisquare, mannwhitneyu, rankdata, wilcoxon

from evonas.arrays import Floats


@dataclass(frozen=True, slots=True)
class Contrast:
    """One algorithm against the first one on one problem; larger is better.

    Attributes:
        problem: Name.
        algorithm: Name.
        median: Of the algorithm's runs.
        low: Their lower quartile.
        high: Their upper quartile.
        effect: Vargha and Delaney's A12: the chance that a run of the algorithm beats one of the
            first. 0.5 is a tie; NaN for the first itself.
        p: Of Wilcoxon's rank-sum test, Holm-corrected over all contrasts; NaN likewise.
    """

    problem: str
    algorithm: str
    median: float
    low: float
    high: float
    effect: float
    p: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Mean ranks over problems, of the medians; 1 is best.

    Attributes:
        ranks: By algorithm.
        friedman_p: That all are alike; NaN for fewer than three algorithms or problems.
        against_first: Holm-corrected p of Wilcoxon's signed-rank test over problems, by algorithm.
    """

    ranks: dict[str, float]
    friedman_p: float
    against_first: dict[str, float]


Scores = dict[tuple[str, str], Floats]


def contrasts(scores: Scores, problems: Sequence[str], algorithms: Sequence[str]) -> list[Contrast]:
    """Returns a contrast for each problem and algorithm that has runs.

    Args:
        scores: (n_runs,) by problem and algorithm.
        problems: Names, in order.
        algorithms: Names; the first one is what the others are held against.
    """
    pairs = [(p, a) for p in problems for a in algorithms if len(scores[p, a])]
    tested = [(p, a) for p, a in pairs if a != algorithms[0] and len(scores[p, algorithms[0]])]
    raw = [_rank_sum(scores[p, a], scores[p, algorithms[0]]) for p, a in tested]
    corrected = dict(zip(tested, holm(raw), strict=True))
    found = []
    for problem, algorithm in pairs:
        own, first = scores[problem, algorithm], scores[problem, algorithms[0]]
        low, median, high = np.quantile(own, [0.25, 0.5, 0.75])
        held = (problem, algorithm) in corrected
        effect = a12(own, first) if held else float("nan")
        p = corrected.get((problem, algorithm), float("nan"))
        found.append(Contrast(problem, algorithm, median, low, high, effect, p))
    return found


def ranking(scores: Scores, problems: Sequence[str], algorithms: Sequence[str]) -> Ranking:
    """Returns the algorithms' mean ranks over the problems on which all have runs."""
    shared = [p for p in problems if all(len(scores[p, a]) for a in algorithms)]
    if not shared:
        return Ranking({}, float("nan"), {})
    medians = np.array([[np.median(scores[p, a]) for a in algorithms] for p in shared])
    ranks = rankdata(-medians, axis=1).mean(axis=0)
    testable = len(algorithms) >= 3 and len(shared) >= 3 and np.ptp(medians, axis=1).any()
    friedman = float(friedmanchisquare(*medians.T).pvalue) if testable else float("nan")
    others = list(algorithms[1:])
    raw = [_signed_rank(medians[:, i], medians[:, 0]) for i in range(1, len(algorithms))]
    against = dict(zip(others, holm(raw), strict=True))
    return Ranking(dict(zip(algorithms, ranks.tolist(), strict=True)), friedman, against)


def a12(ours: Floats, theirs: Floats) -> float:
    """Returns the chance that one of ours is larger than one of theirs, ties counting half.

    >>> a12(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    larger = (ours[:, None] > theirs).mean() + (ours[:, None] == theirs).mean() / 2
    return float(larger)


def holm(p: Sequence[float]) -> list[float]:
    """Returns p values corrected by Holm's step-down method.

    >>> [round(p, 9) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    scaled = np.array(p)[order] * (len(p) - np.arange(len(p)))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(p) else []
    return [float(value) for value in corrected]


def _rank_sum(ours: Floats, theirs: Floats) -> float:
    return float(mannwhitneyu(ours, theirs).pvalue)


def _signed_rank(ours: Floats, theirs: Floats) -> float:
    difference = ours - theirs
    return float(wilcoxon(difference).pvalue) if difference.any() else 1.0
