"""Holds algorithms against each other by mean hypervolume, in the shipped raw runs on `pico`.

    python -m scripts.report.exact_runs

A line for each pair: on how many problems the median over the shared seeds is better and worse, and
on how many significantly better (signed-rank over the shared seeds, Holm over the problems).
"""

from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import permutations
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from evonas.benchmark.raw import RawRun, raw_path, read_raw, scores
from evonas.benchmark.statistics import holm, paired_p
from evonas.benchmark.submission import BUDGET, SEEDS

_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Pair:
    """One algorithm against another over problems; numbers of problems."""

    ours: str
    theirs: str
    problems: int
    better: int
    worse: int
    significant: int


def pairs(runs: list[RawRun]) -> list[Pair]:
    """Returns every algorithm against every other, on the problems where they share a seed."""
    by_run: dict[tuple[str, str], list[RawRun]] = {}
    for run in runs:
        by_run.setdefault((run.key.algorithm, run.key.problem), []).append(run)
    means = {key: scores(found, SEEDS, BUDGET) for key, found in by_run.items()}
    problems = dict.fromkeys(run.key.problem for run in runs)
    algorithms = dict.fromkeys(run.key.algorithm for run in runs)
    none = np.full(SEEDS, np.nan)
    found = []
    for ours, theirs in permutations(algorithms, 2):
        gains, tests = [], []
        for problem in problems:
            own, other = (means.get((name, problem), none) for name in (ours, theirs))
            both = ~np.isnan(own) & ~np.isnan(other)
            if both.any():
                gains.append(np.median(own[both]) - np.median(other[both]))
                tests.append(paired_p(own, other))
        gained, p = np.array(gains), np.array(holm(tests))
        better, worse = int((gained > 0).sum()), int((gained < 0).sum())
        significant = int(((gained > 0) & (p < _LEVEL)).sum())
        found.append(Pair(ours, theirs, len(gains), better, worse, significant))
    return found


def main(
    runs: Annotated[Path | None, typer.Argument(help="Raw runs; default: the shipped.")] = None,
    problems: Annotated[str, typer.Option(help="Pattern of their names.")] = "pico/*",
) -> None:
    """Prints the lines."""
    every = read_raw(runs or raw_path())
    for pair in pairs([run for run in every if fnmatch(run.key.problem, problems)]):
        print(
            f"{pair.ours} against {pair.theirs}: better on {pair.better} of {pair.problems} "
            f"problems, worse on {pair.worse}, significantly better on {pair.significant}"
        )


if __name__ == "__main__":
    typer.run(main)
