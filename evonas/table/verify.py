"""Checking a table against what can be computed again."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import EvonasError
from evonas.space import SearchSpace, load_space
from evonas.space.costs import COSTS
from evonas.space.memory import MEMORY
from evonas.table.domains import column_domain
from evonas.table.rows import slices
from evonas.table.table import BenchmarkTable

Check = Callable[[BenchmarkTable, SearchSpace], list[str]]

_ROWS = 500_000  # computed again at once
CHECKSUMS = "SHA256SUMS"


def verify_table(table: BenchmarkTable, checks: Sequence[Check] = ()) -> list[str]:
    """Returns what is wrong with a table, in sentences; an empty list if nothing is.

    Every column is read (checksums are checked on the way), genotypes must be canonical members
    of their space and stand once, values be in their column's domain, and costs are computed
    again. A file beside `SHA256SUMS` must have the sum that it says.

    Args:
        table: The table.
        checks: Further ones, each for the rows of one space.
    """
    problems = _file_problems(table)
    problems += [f"{name} is damaged: not what was written" for name in table.damaged_parts()]
    for name in table.spaces:
        try:
            space = load_space(name)
            problems += [f"{name}: {problem}" for problem in _verify_space(table, space)]
            for check in checks:
                problems += [f"{name}: {problem}" for problem in check(table, space)]
        except EvonasError as error:
            problems.append(f"{name}: {error}")
    return problems


def _file_problems(table: BenchmarkTable) -> list[str]:
    sums = table.path.with_name(CHECKSUMS)
    if not (table.path.is_file() and sums.is_file()):
        return []
    known = dict(line.split(maxsplit=1)[::-1] for line in sums.read_text().splitlines() if line)
    expected = known.get(table.path.name)
    with open(table.path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if expected is None:
        return [f"{sums} does not name {table.path.name}"]
    return [] if found == expected else [f"SHA-256 {found}, {sums} says {expected}"]


def _verify_space(table: BenchmarkTable, space: SearchSpace) -> list[str]:
    problems = []
    fingerprint = table.fingerprint(space)
    if fingerprint != space.fingerprint:
        problems.append(f"written for definition {fingerprint}, not {space.fingerprint}")
    table.find(table.genotypes(space)[:1], space)  # says if a genotype stands more than once
    genotypes = table.genotypes(space)
    strange = _by_rows(genotypes, lambda g: (space.canonical(g) != g).any(axis=1))
    if strange.any():
        problems.append(
            f"{strange.sum()} genotypes are not canonical, row {strange.argmax()} first"
        )
    for column in table.columns(space):
        values = table.column(column, space)
        wrong = ~column_domain(column, table.provenance(column, space)).holds(values)
        if column in COSTS:
            costs = _by_rows(genotypes, lambda g, column=column: space.costs(g)[column])
            wrong |= ~np.isnan(values) & (values != costs)
        if column in MEMORY:
            needs = _by_rows(genotypes, partial(MEMORY[column], space))
            wrong |= ~np.isnan(values) & (values != needs)
        if wrong.any():
            row = int(wrong.argmax())
            problems.append(f"{wrong.sum()} values of {column!r} are wrong, row {row} first")
    return problems


def _by_rows(genotypes: NDArray[np.uint8], compute: Callable[..., NDArray[Any]]) -> NDArray[Any]:
    parts = (genotypes[rows] for rows in slices(len(genotypes), _ROWS))
    return np.concatenate([compute(genotypes[:0]), *map(compute, parts)])
