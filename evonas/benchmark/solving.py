"""The front of a problem: by looking at everything, by dynamic programming, or by long searches."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from evonas.arrays import Floats
from evonas.benchmark.columns import every, is_small
from evonas.benchmark.definition import ProblemDefinition
from evonas.benchmark.dynamic import LayerObjective, exact_front
from evonas.benchmark.indicators import volume
from evonas.benchmark.problem import BenchmarkProblem, ProblemValues
from evonas.benchmark.store import ColumnRecord, ProblemRecord, problem_checksum
from evonas.benchmark.subset import spread_rows
from evonas.benchmark.trial import run_trial
from evonas.errors import ConfigurationError
from evonas.objectives import pareto_mask
from evonas.scoring.scorer import row_keys
from evonas.search.algorithms.local import neighbours
from evonas.space import Genotypes, SearchSpace
from evonas.space.memory import flash_table, memory_table

# A front of more points is shipped as this many that stand for it.
SHIPPED = 1500
# Best known fronts: searches, their length and population; then so many neighbours at most.
_SEARCHES, _EVALUATIONS, _POPULATION = 5, 20_000, 200
_LOCAL = 300_000
_METHOD = (
    f"{_SEARCHES} NSGA-II runs of {_EVALUATIONS:,}, those of the space's other problems, "
    "and local search"
)
# Exact fronts of more than two objectives outgrow memory.
_ADDITIVE_UP_TO = 2


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """A front: (k, m) values in the objectives' own directions, (k, n_genes) networks, and how."""

    values: Floats
    genotypes: Genotypes
    exact: bool
    method: str


def solved(
    definition: ProblemDefinition,
    space: SearchSpace,
    records: Mapping[str, ColumnRecord],
    front: Front,
) -> ProblemRecord:
    """Returns all that is to be known of a problem, of its front."""
    order = np.argsort(front.values[:, 0], kind="stable")
    points, genotypes = front.values[order], front.genotypes[order]
    maximise = np.array([o.maximise for o in definition.spec().objectives])
    best, worst = np.where(maximise, -points, points), np.where(maximise, points, -points)
    columns = np.arange(points.shape[1])
    ideal, nadir = points[best.argmin(axis=0), columns], points[worst.argmin(axis=0), columns]
    normalised = (points - ideal) / (nadir - ideal)
    rows = spread_rows(normalised, SHIPPED)
    record = ProblemRecord(
        version=definition.version,
        exact=front.exact,
        method=front.method,
        size=len(points),
        volume=volume(normalised),
        ideal=ideal,
        nadir=nadir,
        front=points[rows],
        genotypes=genotypes[rows],
        checksum="",
    )
    checksum = problem_checksum(definition, space, records, record)
    return replace(record, checksum=checksum)


def find_front(
    definition: ProblemDefinition, values: ProblemValues, records: Mapping[str, ColumnRecord]
) -> Front:
    """Returns the true front where that can be had, else the best that searches find."""
    space = values.space
    if is_small(space):
        genotypes = np.unique(space.canonical(every(space)), axis=0)
        return non_dominated(definition, values, genotypes, True, "all architectures")
    tables = [layer_table(space, name, records) for name in definition.objectives]
    if not definition.where and len(tables) <= _ADDITIVE_UP_TO and None not in tables:
        return _additive(definition, [table for table in tables if table])
    return _searched(definition, values)


def layer_table(
    space: SearchSpace, name: str, records: Mapping[str, ColumnRecord]
) -> LayerObjective | None:
    """Returns a column as a table over the layers; None if it is no such sum or maximum."""
    if name == "peak_memory":
        return LayerObjective(memory_table(space), largest=True)
    if name == "flash":
        return LayerObjective(flash_table(space))
    if name in space.cost_tables:
        return LayerObjective(space.cost_tables[name])
    record = records.get(name)
    return LayerObjective(record.values) if record and record.kind == "cells" else None


def _additive(definition: ProblemDefinition, tables: list[LayerObjective]) -> Front:
    spec = definition.spec()
    signs = np.array([-1.0 if o.maximise else 1.0 for o in spec.objectives])
    minimised = [
        LayerObjective(sign * table.table, table.largest)
        for sign, table in zip(signs, tables, strict=True)
    ]
    values, genotypes = exact_front(spec.space, minimised)
    return Front(values * signs, genotypes, True, "dynamic programming over blocks")


def _searched(definition: ProblemDefinition, values: ProblemValues) -> Front:
    """The union of long searches, and then whatever is one move from it and better."""
    problem = unsolved(definition, values)
    found = [
        run_trial(problem, "nsga2", _EVALUATIONS, seed, _POPULATION).genotypes
        for seed in range(_SEARCHES)
    ]
    return best_known(definition, values, np.concatenate(found))


def best_known(definition: ProblemDefinition, values: ProblemValues, genotypes: Genotypes) -> Front:
    """Returns the front of genotypes (n, n_genes) and of whatever is one move from it and better.

    Raises:
        ConfigurationError: None of the genotypes meets the constraints.
    """
    front = non_dominated(definition, values, genotypes)
    explored: set[bytes] = set()
    left = _LOCAL
    while left > 0:
        fresh = [row for row in front.genotypes if row.tobytes() not in explored]
        if not fresh:
            break
        explored.update(row_keys(np.array(fresh)))
        nearby = np.concatenate([neighbours(values.space, row) for row in fresh])
        nearby = np.unique(nearby, axis=0)[:left]
        left -= len(nearby)
        both = np.concatenate([front.genotypes, nearby])
        front = non_dominated(definition, values, both)
    return front


def unsolved(definition: ProblemDefinition, values: ProblemValues) -> BenchmarkProblem:
    """Returns a problem of which nothing is known, without its noise: it can be searched."""
    m, n_genes = len(definition.objectives), values.space.n_genes
    nothing = ProblemRecord(
        definition.version,
        exact=False,
        method="",
        size=0,
        volume=1.0,
        ideal=np.zeros(m),
        nadir=np.ones(m),
        front=np.empty((0, m)),
        genotypes=np.empty((0, n_genes), np.uint8),
        checksum="",
    )
    return BenchmarkProblem(replace(definition, noise=()), values, nothing)


def non_dominated(
    definition: ProblemDefinition,
    values: ProblemValues,
    genotypes: Genotypes,
    exact: bool = False,
    method: str = _METHOD,
) -> Front:
    """Returns the front of genotypes (n, n_genes).

    Raises:
        ConfigurationError: None of the genotypes meets the constraints.
    """
    problem = unsolved(definition, values)
    feasible = genotypes[problem.is_feasible(genotypes)]
    if not len(feasible):
        raise ConfigurationError(
            f"problem {definition.name!r}: no architecture meets its constraints"
        )
    points = problem.evaluate_genotypes(feasible)
    kept = pareto_mask(points, problem.objectives)
    return Front(points[kept], feasible[kept], exact, method)
