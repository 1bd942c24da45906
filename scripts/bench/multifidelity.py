r"""Simulated seconds to 99 % of the front: searches with and without fidelities, on one clock.

    python -m scripts.bench.multifidelity --out runs/multifidelity

Writes a line for each run into runs.csv (finished ones are kept), any-time curves into curves.csv,
and prints medians, the ratio to the first algorithm and p of Wilcoxon's signed-rank test on runs of
the same seed. A run that does not get there counts as infinitely long.
"""

import csv
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from evonas.benchmark import TrainedProblem, load_problem
from evonas.benchmark.multifidelity import SEARCHES, run_simulated
from evonas.benchmark.simulation import any_time, reached
from evonas.benchmark.statistics import paired_p

GOAL = 0.99
_FIELDS = ("problem", "algorithm", "workers", "population", "seed", "seconds", "processor_seconds",
           "results", "trained", "own_seconds")  # fmt: skip
Key = tuple[str, str, int]


def main(
    out: Annotated[Path, typer.Option(help="Folder of results.")],
    problems: str = "nano-trained/u55,nano-trained/cpu,nano-trained/two-devices",
    algorithms: str = ",".join(SEARCHES),
    workers: int = 4,
    population: int = 10,
    seeds: int = 31,
) -> None:
    """Does the runs that are missing and prints a table for each problem."""
    out.mkdir(parents=True, exist_ok=True)
    names, done = algorithms.split(","), _read(out / "runs.csv", workers, population)
    for problem in problems.split(","):
        for algorithm in names:
            for seed in range(seeds):
                key = (problem, algorithm, seed)
                if key not in done:
                    done[key] = _perform(key, workers, population, out)
        _tell(problem, names, seeds, done)


def _perform(key: Key, workers: int, population: int, out: Path) -> float:
    name, algorithm, seed = key
    problem = load_problem(name, seed)
    if not isinstance(problem, TrainedProblem):
        raise typer.BadParameter(f"--problems: {name} has no fidelities")
    began = time.process_time()
    run = run_simulated(problem, algorithm, workers, seed, population, goal=GOAL)
    own = time.process_time() - began
    at, grown = any_time(problem, run.results)
    seconds = reached((at, grown), GOAL)
    spent = reached(any_time(problem, run.results, clock=False), GOAL)
    trained = sum(result.fidelity == 1 for result in run.results)
    row = [name, algorithm, workers, population, seed, f"{seconds:.3f}", f"{spent:.3f}"]
    _append(out / "runs.csv", _FIELDS, [[*row, len(run.results), trained, f"{own:.3f}"]])
    curve = [[*key, f"{t:.3f}", f"{v:.6f}"] for t, v in zip(at, grown, strict=True)]
    fields = ("problem", "algorithm", "seed", "seconds", "hypervolume")
    _append(out / "curves.csv", fields, curve)
    return seconds


def _append(path: Path, fields: tuple[str, ...], rows: list[list[Any]]) -> None:
    new = not path.exists()
    with open(path, "a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([fields, *rows] if new else rows)


def _read(path: Path, workers: int, population: int) -> dict[Key, float]:
    if not path.exists():
        return {}
    with open(path, newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (int(row["workers"]), int(row["population"])) == (workers, population)
        ]
    return {(r["problem"], r["algorithm"], int(r["seed"])): float(r["seconds"]) for r in rows}


def _tell(problem: str, names: list[str], seeds: int, done: dict[Key, float]) -> None:
    print(
        f"{problem}: seconds on the clock to {GOAL:.0%} of the front's hypervolume, {seeds} seeds"
    )
    first = np.array([done[problem, names[0], seed] for seed in range(seeds)])
    for name in names:
        own = np.array([done[problem, name, seed] for seed in range(seeds)])
        low, median, high = np.quantile(own, [0.25, 0.5, 0.75], method="nearest")
        ratio = median / np.median(first)
        finite = 10 * max(np.max(v[np.isfinite(v)], initial=1.0) for v in (own, first))
        p = paired_p(np.minimum(own, finite), np.minimum(first, finite))
        print(f"  {name:20} {median:7.0f} ({low:.0f} to {high:.0f})  {ratio:.2f}  p {p:.1e}")


if __name__ == "__main__":
    typer.run(main)
