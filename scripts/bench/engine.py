r"""Measures what the search engine itself costs, beside pymoo's bare NSGA-II on the same genes.

    OMP_NUM_THREADS=1 python -m scripts.bench.engine

Bare means: pymoo's default operators for integers, an evaluation that is one table lookup, nothing
kept. Ours draws, mates, evaluates by the problem's columns and keeps an archive, and evaluates no
network twice; `pico` has 16,000, so that a run of 10,000 evaluations takes most of it. Times are of
the processor, so that other work on the machine counts little.
"""

import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from pymoo.core.problem import Problem

import evonas
from evonas.benchmark.trial import run_trial
from evonas.search.algorithms import make_algorithm


class Bare(Problem):  # type: ignore[misc]
    """The same genes with two sums of random table entries as objectives."""

    def __init__(self, problem: evonas.benchmark.BenchmarkProblem) -> None:
        super().__init__(n_var=problem.n_var, n_obj=2, xl=0, xu=problem.xu, vtype=int)
        self.table = np.random.default_rng(0).random((problem.n_var, int(problem.xu.max()) + 1, 2))

    def _evaluate(self, x: np.ndarray, out: dict[str, Any], *_: Any, **__: Any) -> None:
        out["F"] = self.table[np.arange(self.n_var), x].sum(axis=1)


def bare(problem: Bare, population: int, generations: int, seed: int) -> None:
    """Runs pymoo's NSGA-II as its documentation has it for integers."""
    algorithm = make_algorithm("pymoo-nsga2", problem, population)
    algorithm.setup(problem, termination=("n_gen", generations), seed=seed)
    while algorithm.has_next():
        algorithm.next()


def timed(work: Callable[[int], object], repeats: int) -> float:
    """Returns the median seconds of some runs, after one to warm up."""
    work(0)
    seconds = []
    for seed in range(repeats):
        began = time.process_time()
        work(seed)
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def main(
    problems: Annotated[
        str, typer.Option(help="Names, with commas.")
    ] = "pico/u55,nano/capacity-u55",
    population: int = 100,
    generations: int = 100,
    repeats: int = 5,
) -> None:
    """Prints seconds for a run, milliseconds for a generation and the ratio."""
    print(f"{generations} generations of {population}, median of {repeats} runs")
    print(f"{'problem':<20} {'genes':>5} {'ours':>8} {'bare':>8} {'ms/gen':>7} {'bare':>7}  ratio")
    for name in problems.split(","):
        ours, theirs = both(evonas.load_problem(name), population, generations, repeats)
        print(
            f"{name:<20} {len(evonas.load_problem(name).xu):>5} {ours:>6.2f} s {theirs:>6.2f} s "
            f"{1e3 * ours / generations:>7.2f} {1e3 * theirs / generations:>7.2f} "
            f"{ours / theirs:>6.2f}",
            flush=True,
        )


def both(
    problem: evonas.benchmark.BenchmarkProblem, population: int, generations: int, repeats: int
) -> tuple[float, float]:
    """Returns the seconds of our run and of pymoo's."""
    simple, evaluations = Bare(problem), population * generations
    ours = timed(lambda s: run_trial(problem, "nsga2", evaluations, s, population), repeats)
    theirs = timed(lambda s: bare(simple, population, generations, s), repeats)
    return ours, theirs


if __name__ == "__main__":
    typer.run(main)
