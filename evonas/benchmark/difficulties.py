"""Figures of difficulty of the shipped problems: computed by a script, kept beside them in JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from evonas.arrays import Floats
from evonas.benchmark.columns import every, is_small
from evonas.benchmark.difficulty import explained, local_optima, neighbour_rows
from evonas.benchmark.loading import list_records
from evonas.benchmark.problem import BenchmarkProblem
from evonas.errors import DataError, SchemaError
from evonas.objectives import Objective, pareto_mask
from evonas.paths import shipped_data
from evonas.space import Genotypes, SearchSpace

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Landscape:
    """One objective over the networks.

    Attributes:
        main_effects: Share of the variance that genes by themselves explain; None if unknown.
        pairs: Share that genes and pairs of genes explain; None if unknown.
        local_optima: Networks that no change of one gene improves; None if unknown.
    """

    main_effects: float | None
    pairs: float | None
    local_optima: int | None


@dataclass(frozen=True, slots=True)
class Difficulty:
    """How hard a problem is.

    Attributes:
        problem: Name.
        version: Of the problem.
        checksum: Of the problem; figures of another one are not read.
        networks: How many the figures are over.
        sampled: Whether these are a random sample, and not all.
        objectives: The landscape of each, by name; of true values.
        pareto_optima: Feasible networks that no change of one gene dominates; None if unknown.
        front_share: Share of the feasible networks that are on the front; None if unknown.
        seeds: Runs of each algorithm.
        evaluations: Of each run, by algorithm.
        to_99: Median evaluations to 99 % of the front's hypervolume, infinite if not reached.
    """

    problem: str
    version: int
    checksum: str
    networks: int
    sampled: bool
    objectives: Mapping[str, Landscape]
    pareto_optima: int | None
    front_share: float | None
    seeds: int
    evaluations: Mapping[str, int]
    to_99: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """Returns it as JSON values, None for what is not reached."""
        reached = {a: n if np.isfinite(n) else None for a, n in self.to_99.items()}
        return {**asdict(self), "to_99": reached}


def difficulties_path(folder: Path | None = None) -> Path:
    """Returns the file in a folder of shipped data."""
    return (folder or shipped_data()) / "problems" / "difficulty.json"


def load_difficulties(folder: Path | None = None) -> dict[str, Difficulty]:
    """Returns the figures by problem, of problems as they are shipped only; none without a file.

    Args:
        folder: Folder of shipped data; the installation's if None.

    Raises:
        SchemaError: The file is damaged or of a newer schema.
    """
    path = difficulties_path(folder)
    if not path.exists():
        return {}
    checksums = {definition.name: record.checksum for definition, record in list_records(folder)}
    read = _read(path, path.stat().st_mtime_ns)
    return {name: found for name, found in read.items() if checksums.get(name) == found.checksum}


def load_difficulty(name: str, folder: Path | None = None) -> Difficulty | None:
    """Returns the figures of a problem; None if there are none of its present version."""
    return load_difficulties(folder).get(name)


@lru_cache(maxsize=4)
def _read(path: Path, _: int) -> dict[str, Difficulty]:
    try:
        content = json.loads(path.read_text())
        if content["schema"] > SCHEMA:
            raise SchemaError(f"{path}: schema {content['schema']}; this evonas reads {SCHEMA}")
        return {entry["problem"]: _difficulty(entry) for entry in content["problems"]}
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise SchemaError(f"{path}: not a file of difficulties ({error})") from error


def _difficulty(entry: dict[str, Any]) -> Difficulty:
    objectives = {name: Landscape(**one) for name, one in entry["objectives"].items()}
    reached = {a: float("inf") if n is None else float(n) for a, n in entry["to_99"].items()}
    return Difficulty(**{**entry, "objectives": objectives, "to_99": reached})


def write_difficulties(path: Path, found: Mapping[str, Difficulty]) -> None:
    """Writes the file, atomically."""
    from evonas.files import write_atomically

    content = {"schema": SCHEMA, "problems": [one.as_json() for one in found.values()]}
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())


@dataclass(frozen=True, slots=True)
class Landscapes:
    """What the values of a problem's networks say; see `Difficulty`."""

    networks: int
    sampled: bool
    objectives: Mapping[str, Landscape]
    pareto_optima: int | None
    front_share: float | None


def landscapes(
    problem: BenchmarkProblem,
    sample: int = 20_000,
    seed: int = 0,
    known: dict[tuple[str, str], Landscape] | None = None,
) -> Landscapes:
    """Returns what can be told of a problem without a search.

    Args:
        problem: Of a space that can be listed, all its networks are taken; of a larger one a
            sample, which tells nothing of optima, the front and pairs.
        sample: Size of that sample.
        seed: Of that sample.
        known: Landscapes by space and objective, which problems share; those found are added.
    """
    known = {} if known is None else known
    space, whole = problem.space, is_small(problem.space)
    drawn = (
        space.canonical(every(space))
        if whole
        else space.sample(sample, np.random.default_rng(seed))
    )
    genotypes = np.unique(drawn, axis=0)
    values = problem.evaluate_genotypes(genotypes)
    near = neighbour_rows(space, genotypes) if whole else []
    found = {}
    for column, objective in enumerate(problem.objectives):
        key = space.name, f"{objective.name} {objective.maximise}"
        if key not in known:
            known[key] = _landscape(space, genotypes, values[:, column], objective, near)
        found[objective.name] = known[key]
    if not whole:
        return Landscapes(len(genotypes), True, found, None, None)
    feasible = np.flatnonzero(problem.is_feasible(genotypes))
    share = float(pareto_mask(values[feasible], problem.objectives).mean())
    optima = _pareto_optima(problem, genotypes, values, near, feasible)
    return Landscapes(len(genotypes), False, found, optima, share)


def _landscape(
    space: SearchSpace, genotypes: Genotypes, values: Floats, objective: Objective, near: list[Any]
) -> Landscape:
    """Returns that of values (n,); of a sample, which has no neighbours, only main effects."""
    if not near:
        return Landscape(_share(genotypes, values, 1), None, None)
    better = values if objective.maximise else -values
    optima = len(local_optima(space, genotypes, better, near)[0])
    return Landscape(_share(genotypes, values, 1), _share(genotypes, values, 2), optima)


def _share(genotypes: Genotypes, values: Floats, order: int) -> float | None:
    try:
        share = explained(genotypes, values[:, None], order).share
    except DataError:
        return None
    return round(share, 6) if np.isfinite(share) else None


def _pareto_optima(
    problem: BenchmarkProblem, genotypes: Any, values: Any, near: list[Any], rows: Any
) -> int:
    """Returns how many of some feasible rows no feasible neighbour by one gene dominates."""
    feasible = problem.is_feasible(genotypes)
    minimised, optima = problem.minimise(values), 0
    for row in rows:
        others, own = minimised[near[row][feasible[near[row]]]], minimised[row]
        dominated = (others <= own).all(axis=1) & (others < own).any(axis=1)
        optima += not dominated.any()
    return optima
