"""What the runs of a comparison say: effect sizes, tests with correction, ranks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, studentized_range, wilcoxon

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
        p: Of Wilcoxon's signed-rank test on pairs of runs with the same seed, which share the
            noise and the random start, Holm-corrected over all contrasts; NaN likewise.
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
        scores: (n_seeds,) by problem and algorithm, by seed; NaN where a run failed.
        problems: Names, in order.
        algorithms: Names; the first one is what the others are held against.
    """
    pairs = [(p, a) for p in problems for a in algorithms if len(_there(scores[p, a]))]
    tested = [(p, a) for p, a in pairs if a != algorithms[0] and (p, algorithms[0]) in pairs]
    raw = [paired_p(scores[p, a], scores[p, algorithms[0]]) for p, a in tested]
    corrected = dict(zip(tested, holm(raw), strict=True))
    found = []
    for problem, algorithm in pairs:
        own = _there(scores[problem, algorithm])
        first = _there(scores[problem, algorithms[0]])
        low, median, high = np.quantile(own, [0.25, 0.5, 0.75])
        held = (problem, algorithm) in corrected
        effect = a12(own, first) if held else float("nan")
        p = corrected.get((problem, algorithm), float("nan"))
        found.append(Contrast(problem, algorithm, median, low, high, effect, p))
    return found


def ranking(scores: Scores, problems: Sequence[str], algorithms: Sequence[str]) -> Ranking:
    """Returns the algorithms' mean ranks over the problems on which all have runs."""
    medians = _medians(scores, problems, algorithms)
    if not len(medians):
        return Ranking({}, float("nan"), {})
    ranks = rankdata(-medians, axis=1).mean(axis=0)
    testable = len(algorithms) >= 3 and len(medians) >= 3 and np.ptp(medians, axis=1).any()
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


def paired_p(ours: Floats, theirs: Floats) -> float:
    """Returns p of Wilcoxon's signed-rank test on runs (n_seeds,) of the same seeds, NaN left out.

    1 where nothing differs.
    """
    n = min(len(ours), len(theirs))
    return _signed_rank(*_both(ours[:n], theirs[:n]))


@dataclass(frozen=True, slots=True)
class AllPairs:
    """Every algorithm against every other, over the problems.

    Attributes:
        ranks: Mean ranks by algorithm, best first; 1 is best.
        difference: Nemenyi's critical difference at 0.05: mean ranks closer than this are not told
            apart; NaN for fewer than two problems or algorithms.
        p: Of Wilcoxon's signed-rank test on the problems' medians, Holm-corrected over all pairs.
        n_problems: Over how many problems.
    """

    ranks: dict[str, float]
    difference: float
    p: dict[tuple[str, str], float]
    n_problems: int

    def groups(self) -> list[list[str]]:
        """Returns the longest runs of algorithms that the critical difference does not part."""
        names, found = list(self.ranks), []
        end = 0
        for first, name in enumerate(names):
            near = [n for n in names if 0 <= self.ranks[n] - self.ranks[name] < self.difference]
            last = first + len(near) if near else first + 1
            if last > end and last - first > 1:
                found.append(names[first:last])
                end = last
        return found


def all_pairs(scores: Scores, problems: Sequence[str], algorithms: Sequence[str]) -> AllPairs:
    """Returns mean ranks with Nemenyi's critical difference (Demsar 2006), and every pair's test.

    Args:
        scores: As for `contrasts`; larger is better.
        problems: Names; those on which an algorithm has no run are left out.
        algorithms: Names.
    """
    medians, k = _medians(scores, problems, algorithms), len(algorithms)
    n = len(medians)
    if not n:
        return AllPairs({}, float("nan"), {}, 0)
    mean = rankdata(-medians, axis=1).mean(axis=0)
    order = np.argsort(mean, kind="stable")
    ranks = {algorithms[i]: float(mean[i]) for i in order}
    studentized = studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2) if k > 1 else np.nan
    difference = float(studentized * np.sqrt(k * (k + 1) / (6 * n))) if n > 1 else float("nan")
    couples = [(i, j) for i in range(k) for j in range(i + 1, k)]
    corrected = holm([_signed_rank(medians[:, i], medians[:, j]) for i, j in couples])
    p = {(algorithms[i], algorithms[j]): q for (i, j), q in zip(couples, corrected, strict=True)}
    return AllPairs(ranks, difference, p, n)


def least_p(n: int) -> float:
    """Returns the smallest p that a two-sided signed-rank test of n pairs can give.

    >>> least_p(5), least_p(6)
    (0.0625, 0.03125)
    """
    return min(1.0, 2.0 ** (1 - n))


def _medians(scores: Scores, problems: Sequence[str], algorithms: Sequence[str]) -> Floats:
    """Returns (n, n_algorithms) medians on the problems on which all have runs."""
    rows = [[_there(scores[p, a]) for a in algorithms] for p in problems]
    whole = [[float(np.median(runs)) for runs in row] for row in rows if all(map(len, row))]
    return np.array(whole).reshape(-1, len(algorithms))


def _there(runs: Floats) -> Floats:
    return runs[~np.isnan(runs)]


def _both(ours: Floats, theirs: Floats) -> tuple[Floats, Floats]:
    there = ~np.isnan(ours) & ~np.isnan(theirs)
    return ours[there], theirs[there]


def _signed_rank(ours: Floats, theirs: Floats) -> float:
    difference = ours - theirs
    return float(wilcoxon(difference).pvalue) if difference.any() else 1.0
