"""Problems x algorithms x seeds: parallel, and going on where it was stopped."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from evonas.benchmark.loading import load_problem
from evonas.benchmark.runs import RunKey, RunResult, load_run, perform, save_run
from evonas.benchmark.trial import POPULATION
from evonas.errors import ConfigurationError, EvonasError, unknown_name
from evonas.files import remove_partial_files
from evonas.search.algorithms import ALGORITHMS


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared.

    Attributes:
        problems: Names.
        algorithms: Names; the others are held against the first one.
        seeds: How many, from 0.
        evaluations: Of each run.
        population: Of each run.
        fewer: Evaluations of single algorithms that get another number.
    """

    problems: tuple[str, ...]
    algorithms: tuple[str, ...]
    seeds: int
    evaluations: int
    population: int = POPULATION
    fewer: dict[str, int] = field(default_factory=dict)

    def keys(self) -> Iterator[RunKey]:
        """Yields every run."""
        for seed in range(self.seeds):
            for problem in self.problems:
                for algorithm in self.algorithms:
                    evaluations = self.fewer.get(algorithm, self.evaluations)
                    yield RunKey(problem, algorithm, seed, evaluations, self.population)

    def check(self) -> None:
        """Refuses what cannot be run.

        Raises:
            ConfigurationError: An unknown name, or a number that is not allowed.
        """
        for algorithm in self.algorithms:
            if algorithm not in ALGORITHMS:
                raise unknown_name("algorithm", algorithm, ALGORITHMS)
        for algorithm, evaluations in self.fewer.items():
            if algorithm not in self.algorithms:
                raise unknown_name("algorithm of this comparison", algorithm, self.algorithms)
            if evaluations > self.evaluations:
                raise ConfigurationError(
                    f"{algorithm}: {evaluations:,} evaluations are not fewer than the others' "
                    f"{self.evaluations:,}"
                )
        fewest = min(self.evaluations, *self.fewer.values(), self.population)
        if self.seeds < 1 or fewest < 2:
            raise ConfigurationError(
                "seeds must be at least 1, evaluations and population at least 2"
            )


def compare(
    plan: Plan,
    folder: Path,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[RunResult]:
    """Performs what is missing and returns all runs in the plan's order, failed ones included.

    Each run is one file, written when it ends: a comparison that was stopped goes on from there.

    Args:
        plan: What is compared.
        folder: Where the runs are kept.
        workers: Processes; the results do not depend on their number.
        progress: Told how many runs are done of how many.
    """
    plan.check()
    checksums = {name: load_problem(name).record.checksum for name in plan.problems}
    keys = list(plan.keys())
    for place in {key.path(folder).parent for key in keys}:
        remove_partial_files(place)
    results = {
        key: found for key in keys if (found := load_run(folder, key, checksums[key.problem]))
    }
    missing = [key for key in keys if key not in results]
    progress(len(results), len(keys))
    for result in _perform(missing, workers):
        save_run(folder, result)
        results[result.key] = result
        progress(len(results), len(keys))
    return [results[key] for key in keys]


def _perform(keys: Sequence[RunKey], workers: int) -> Iterator[RunResult]:
    if workers <= 1 or len(keys) <= 1:
        yield from map(perform, keys)
        return
    context = multiprocessing.get_context("spawn")
    before = set(multiprocessing.active_children())
    with ProcessPoolExecutor(
        min(workers, len(keys)), mp_context=context, initializer=_ignore_interrupts
    ) as pool:
        try:
            for done in as_completed([pool.submit(perform, key) for key in keys]):
                yield done.result()
        except BrokenProcessPool as error:
            raise EvonasError(
                "a worker died, perhaps for lack of memory; the same command resumes from the "
                "runs that are done"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - before:
                child.kill()  # a run may take minutes; what is not saved is done again
            raise


def _ignore_interrupts() -> None:
    """Ctrl-C reaches the whole group of processes; ours ends the workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
