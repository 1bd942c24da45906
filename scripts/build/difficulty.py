r"""Computes how hard each problem is: `difficulty.json`; its runs go into `runs.parquet` beside it.

    python -m scripts.build.difficulty --problems "pico/*" --out runs/exact

Additivity, local optima and the share on the front are of the true values of all networks, or of a
sample of a large space; the evaluations to 99 % are medians over the runs, which are those of
`evonas bench compare` and resume as that does. All of them are kept, raw.
"""

from dataclasses import replace
from fnmatch import filter as matching
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from evonas.benchmark import list_problems, load_problem
from evonas.benchmark.compare import Plan, compare
from evonas.benchmark.difficulties import (
    Difficulty,
    Landscape,
    difficulties_path,
    landscapes,
    load_difficulties,
    write_difficulties,
)
from evonas.benchmark.raw import merged_raw, raw_path, succeeded, write_raw
from evonas.benchmark.report import Comparison
from evonas.benchmark.runs import RunResult

ALGORITHMS = ("random", "local", "ridge", "nsga2", "nsga2-screened", "assisted")
# What fits a model at every step needs fewer evaluations and more time for each.
FEWER = {"ridge": 400, "nsga2-screened": 400, "assisted": 400}


def main(
    out: Annotated[Path, typer.Option(help="Folder of the runs.")],
    problems: Annotated[str, typer.Option(help="Names or patterns, with commas.")] = "pico/*",
    seeds: int = 31,
    evaluations: int = 1500,
    workers: int = 1,
    finished: Annotated[
        bool, typer.Option(help="No new runs: of each problem the seeds that all algorithms have.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="Folder of shipped data.")] = None,
) -> None:
    """Runs what is missing, computes the rest, and prints a line for each problem."""
    known = list_problems(data)
    names = [name for pattern in problems.split(",") for name in matching(known, pattern.strip())]
    if not names:
        raise typer.BadParameter(f"--problems: none of {', '.join(known)} fits")
    found, results = load_difficulties(data), list[RunResult]()
    shared: dict[tuple[str, str], Landscape] = {}
    for name in dict.fromkeys(names):
        plan = Plan((name,), ALGORITHMS, seeds, evaluations, fewer=FEWER)
        if finished:
            plan = replace(plan, seeds=_finished(plan, out))
        comparison = Comparison(plan, compare(plan, out, workers))
        results += comparison.results
        found[name] = _difficulty(name, comparison, shared)
        one = found[name]
        first = next(iter(one.objectives.values()))
        print(
            f"{name}: main effects {first.main_effects}, pairs {first.pairs}, "
            f"{first.local_optima} optima, on the front {one.front_share}, "
            + ", ".join(f"{algorithm} {n:g}" for algorithm, n in one.to_99.items()),
            flush=True,
        )
    ordered = {name: found[name] for name in known if name in found}
    write_difficulties(difficulties_path(data), ordered)
    write_raw(raw_path(data), merged_raw(raw_path(data), succeeded(results)))


def _finished(plan: Plan, out: Path) -> int:
    """Returns how many seeds, from 0, all algorithms have."""
    missing = [key.seed for key in plan.keys() if not key.path(out).exists()]
    return min([plan.seeds, *missing])


def _difficulty(
    name: str, comparison: Comparison, known: dict[tuple[str, str], Landscape]
) -> Difficulty:
    problem, plan = load_problem(name), comparison.plan
    reached = {a: comparison.reached(name, a) for a in plan.algorithms}
    if failed := [a for a, n in reached.items() if np.isnan(n)]:
        raise typer.BadParameter(f"{name}: no run of {', '.join(failed)} ended")
    found = landscapes(problem, known=known)
    return Difficulty(
        problem=name,
        version=problem.record.version,
        checksum=problem.record.checksum,
        networks=found.networks,
        sampled=found.sampled,
        objectives=found.objectives,
        pareto_optima=found.pareto_optima,
        front_share=found.front_share,
        seeds=plan.seeds,
        evaluations={a: plan.fewer.get(a, plan.evaluations) for a in plan.algorithms},
        to_99=reached,
    )


if __name__ == "__main__":
    typer.run(main)
