"""How long every problem takes to load, and to evaluate 100,000 genotypes.

    python -m scripts.bench.problems

Each problem is loaded in a process of its own after the packages were imported, so nothing of it
is cached; evaluation is timed from genotypes that are drawn beforehand, the first call included.
"""

import multiprocessing
import time

import numpy as np
import typer

from evonas.benchmark import list_problems, load_problem

COUNT = 100_000
_SURROGATES = ("nano",)  # AP of these comes from a surrogate


def main(only: str = "", count: int = COUNT) -> None:
    """Prints a line for each problem, and the slowest of each kind."""
    names = [name for name in list_problems() if name.startswith(only)]
    worst: dict[str, tuple[float, float]] = {}
    for name in names:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            load, evaluate = pool.apply(measure, (name, count))
        kind = "surrogate" if name.partition("/")[0] in _SURROGATES else "table"
        most = worst.get(kind, (0.0, 0.0))
        worst[kind] = max(most[0], load), max(most[1], evaluate)
        print(f"{name:28} {load:6.3f} s to load, {evaluate:6.2f} s for {count:,}", flush=True)
    for kind, (load, evaluate) in worst.items():
        print(f"slowest, {kind}: {load:.3f} s to load, {evaluate:.2f} s for {count:,}")


def measure(name: str, count: int) -> tuple[float, float]:
    """Returns the seconds of loading and of evaluating."""
    began = time.perf_counter()
    problem = load_problem(name)
    loaded = time.perf_counter()
    sizes = problem.space.gene_sizes
    drawn = np.random.default_rng(0).integers(0, sizes, (count, len(sizes)), dtype=np.uint8)
    start = time.perf_counter()
    problem.evaluate_genotypes(drawn)
    return loaded - began, time.perf_counter() - start


if __name__ == "__main__":
    typer.run(main)
