"""One run of a comparison: what is measured of it, and its file."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evonas.benchmark.indicators import distance, fronts_over_time, gains
from evonas.benchmark.loading import load_problem
from evonas.benchmark.problem import BenchmarkProblem
from evonas.benchmark.trial import Trial, run_trial
from evonas.errors import ConfigurationError, SchemaError
from evonas.files import write_atomically

# Indicators are computed at so many numbers of evaluations, denser where a run is young.
_CHECKPOINTS = 30
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class RunKey:
    """Which run it is.

    Attributes:
        problem: Name.
        algorithm: Name.
        seed: Of the algorithm, and of the problem's noise.
        evaluations: How many it may ask for.
        population: About how many it asks for at once.
    """

    problem: str
    algorithm: str
    seed: int
    evaluations: int
    population: int

    def path(self, folder: Path) -> Path:
        """Returns the run's file."""
        where = folder / "runs" / self.problem.replace("/", "+") / self.algorithm
        return where / f"{self.seed}.json"


@dataclass(frozen=True, slots=True)
class RunResult:
    """What is measured of a run, on true values whatever the search saw.

    Attributes:
        key: Which run it is.
        checksum: Of the problem.
        improved_at: Numbers of evaluations, counted from 1, at which the hypervolume grew.
        improved_to: What it grew to, over that of the front; exact.
        at: Numbers of evaluations of the curves.
        hypervolume: After each, over that of the front.
        distance: After each, normalised IGD+ from the front.
        front: (k, m) normalised points of the last front.
        seconds: Time of the processor that the search took.
        error: Why it failed; then nothing else is known.
    """

    key: RunKey
    checksum: str
    improved_at: list[int]
    improved_to: list[float]
    at: list[int]
    hypervolume: list[float]
    distance: list[float]
    front: list[list[float]]
    seconds: float
    error: str = ""

    def reached(self, share: float) -> float:
        """Returns the first evaluation after which that share of the front's volume was there."""
        return reached(self.improved_at, self.improved_to, share)

    def mean_hypervolume(self, evaluations: int) -> float:
        """Returns the mean of what was there after 1, 2, ... evaluations: how good and how early.

        A run that was allowed fewer keeps what it found.
        """
        return mean_hypervolume(self.improved_at, self.improved_to, evaluations)


def reached(improved_at: Sequence[int], improved_to: Sequence[float], share: float) -> float:
    """Returns the first evaluation after which that share was there, infinite if it never was."""
    grown = zip(improved_at, improved_to, strict=True)
    return float(next((n for n, volume in grown if volume >= share), np.inf))


def mean_hypervolume(
    improved_at: Sequence[int], improved_to: Sequence[float], evaluations: int
) -> float:
    """Returns the mean of what was there after 1, 2, ... evaluations."""
    counted = evaluations + 1 - np.array(improved_at, np.float64)
    grown = np.diff([0.0, *improved_to])
    return float(np.dot(np.maximum(counted, 0), grown) / evaluations)


def checkpoints(evaluations: int, population: int) -> list[int]:
    """Returns increasing numbers of evaluations, the last one all.

    >>> checkpoints(100, 50)[:3], checkpoints(100, 50)[-1]
    ([50, 51, 52], 100)
    """
    spaced = np.geomspace(min(population, evaluations), evaluations, _CHECKPOINTS)
    return [int(n) for n in np.unique(spaced.round())]


def perform(key: RunKey) -> RunResult:
    """Runs and measures; what goes wrong is part of the result."""
    checksum = ""
    try:
        problem = load_problem(key.problem, key.seed)
        checksum = problem.record.checksum
        began = time.process_time()
        trial = run_trial(problem, key.algorithm, key.evaluations, key.seed, key.population)
        seconds = time.process_time() - began
    except ConfigurationError:
        raise  # no run of this kind can work
    except Exception as error:
        return RunResult(
            key, checksum, [], [], [], [], [], [], 0.0, f"{type(error).__name__}: {error}"
        )
    return measure(problem, trial, key, round(seconds, 4))


def measure(problem: BenchmarkProblem, trial: Trial, key: RunKey, seconds: float) -> RunResult:
    """Returns what a run's evaluations come to, on true values."""
    points, feasible = trial.judged(problem)
    at = checkpoints(key.evaluations, key.population)
    fronts = fronts_over_time(points, feasible, at)
    reference = problem.normalise(problem.true_front)
    gained = gains(np.where(feasible[:, None], points, np.inf))
    there = np.cumsum(gained) / problem.front_volume
    improved = np.flatnonzero(gained)
    last = np.minimum(at, len(there)) - 1  # it may have ended early, the space being exhausted
    return RunResult(
        key,
        problem.record.checksum,
        (improved + 1).tolist(),
        there[improved].tolist(),
        at,
        there[last].round(_DIGITS).tolist(),
        [round(distance(front, reference), _DIGITS) for front in fronts],
        fronts[-1].round(_DIGITS).tolist(),
        seconds,
    )


def save_run(folder: Path, result: RunResult) -> None:
    """Writes a run's file, atomically."""
    distance = [d if np.isfinite(d) else None for d in result.distance]
    text = json.dumps({**asdict(result), "distance": distance})
    write_atomically(result.key.path(folder), text.encode())


def load_run(folder: Path, key: RunKey, checksum: str) -> RunResult | None:
    """Returns a run that was done, None if it was not or failed.

    Args:
        folder: Where the runs are kept.
        key: Which run it is.
        checksum: Of the problem.

    Raises:
        SchemaError: The file is damaged.
        ConfigurationError: It holds a run of other length or of another version of the problem.
    """
    path = key.path(folder)
    if not path.exists():
        return None
    result = read_run(path)
    if result.error:
        return None
    if result.key != key or result.checksum != checksum:
        raise ConfigurationError(
            f"{path}: a run of {result.key.evaluations} evaluations, population "
            f"{result.key.population}, problem {result.checksum}; choose another --out"
        )
    return result


def saved_runs(folder: Path) -> list[RunResult]:
    """Returns all runs that a folder keeps, failed ones included, by problem, algorithm and seed.

    Raises:
        SchemaError: A file is damaged.
    """
    results = [read_run(path) for path in folder.glob("runs/*/*/*.json")]
    return sorted(results, key=lambda r: (r.key.problem, r.key.algorithm, r.key.seed))


def read_run(path: Path) -> RunResult:
    """Returns what a run's file holds.

    Raises:
        SchemaError: It is damaged.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        found["distance"] = [np.inf if d is None else d for d in found["distance"]]
        result = RunResult(**{**found, "key": RunKey(**found["key"])})
        curves: list[list[Sequence[float]]] = [
            [result.at, result.hypervolume, result.distance],
            [result.improved_at, result.improved_to],
        ]
        for curve in curves:
            if len(set(map(len, curve))) > 1:
                raise ValueError("its curves differ in length")
            if np.array(curve, np.float64).ndim != 2:
                raise ValueError("its curves are no numbers")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise SchemaError(f"{path}: not a run's file ({error}); delete it") from error
    return result
