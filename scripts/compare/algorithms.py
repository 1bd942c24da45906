"""Compares NSGA-II with random search at the same number of new scores.

Every run starts from nothing: a score that another run has already put into the shared table is
taken from there, but counts as new for the run that asks for it.

    python -m scripts.compare.algorithms --data ~/.cache/evonas/digits --table runs/compare/table

A scorer that is no part of evonas is named `module:Class`.
"""

import statistics
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from evonas.search import SearchResult, run_search
from evonas.search.hypervolume import normalised_hypervolume
from evonas.table import open_or_create
from scripts.any_scorer import any_scorer


def main(
    space: str = "nano",
    objectives: str = "map,latency:cpu-xnnpack",
    scorer: str = "supernet",
    weights: Path | None = None,
    data: Path | None = None,
    table: Annotated[Path, typer.Option(help="Shared by all runs.")] = Path("runs/compare/table"),
    population: int = 24,
    generations: int = 10,
    seeds: int = 10,
) -> None:
    """Prints both hypervolumes for each seed, and how often NSGA-II is ahead."""
    names = objectives.split(",")
    scores = any_scorer(scorer, space, weights, data)
    store = open_or_create(table)
    wins, gains = 0, []
    print(f"{'seed':>4}  {'scores':>6}  {'nsga2':>12}  {'random':>12}  {'gain':>7}")
    for seed in range(seeds):
        ours, theirs = (
            run_search(
                space,
                names,
                scorer=scores,
                table=store,
                algorithm=algorithm,
                population=population,
                generations=generations,
                seed=seed,
            )
            for algorithm in ("nsga2", "random")
        )
        n = min(new_scores(ours), new_scores(theirs))
        volumes = [hypervolume_after(result, n) for result in (ours, theirs)]
        wins += volumes[0] > volumes[1]
        gains.append(volumes[0] / volumes[1] - 1)
        print(
            f"{seed:>4}  {n:>6}  {volumes[0]:>12.6g}  {volumes[1]:>12.6g}  {gains[-1]:>+7.2%}",
            flush=True,
        )
    print(f"NSGA-II ahead in {wins} of {seeds}; median gain {statistics.median(gains):+.2%}")


def new_scores(result: SearchResult) -> int:
    """Returns how many scores a run asked for; no genotype is asked for twice."""
    return result.scored + result.cached


def hypervolume_after(result: SearchResult, n: int) -> float:
    """Returns the normalised hypervolume of the first n scored genotypes."""
    scored = np.flatnonzero(~np.isnan(result.values()).any(axis=1))[:n]
    return normalised_hypervolume(result.values()[scored], result.objectives, result.reference)


if __name__ == "__main__":
    typer.run(main)
