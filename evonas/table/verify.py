"""Checking a table against what can be computed again."""

import numpy as np
from numpy.typing import NDArray

from evonas.errors import EvonasError
from evonas.space import SearchSpace, load_space
from evonas.table.table import BenchmarkTable

_FRACTIONS = ("map", "map50", "trained_map")


def verify_table(table: BenchmarkTable) -> list[str]:
    """Returns what is wrong with a table, in sentences; an empty list if nothing is.

    Every column is read (checksums are checked on the way), genotypes must be canonical members
    of their space, AP lie between 0 and 1, latencies above 0, and costs are computed again.
    """
    problems = []
    for name in table.spaces:
        try:
            space = load_space(name)
            problems += [f"{name}: {problem}" for problem in _verify_space(table, space)]
        except EvonasError as error:
            problems.append(f"{name}: {error}")
    return problems


def _verify_space(table: BenchmarkTable, space: SearchSpace) -> list[str]:
    problems = []
    fingerprint = table.fingerprint(space)
    if fingerprint != space.fingerprint:
        problems.append(f"written for definition {fingerprint}, not {space.fingerprint}")
    genotypes = table.genotypes(space)
    strange = (space.canonical(genotypes) != genotypes).any(axis=1)
    if strange.any():
        problems.append(
            f"{strange.sum()} genotypes are not canonical, row {strange.argmax()} first"
        )
    costs = space.costs(genotypes)
    for column in table.columns(space):
        values = table.column(column, space)
        filled = ~np.isnan(values)
        wrong = filled & ~_plausible(column, values)
        if column in costs:
            wrong |= filled & (values != costs[column])
        if wrong.any():
            row = int(wrong.argmax())
            problems.append(f"{wrong.sum()} values of {column!r} are wrong, row {row} first")
    return problems


def _plausible(column: str, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    plausible = np.isfinite(values)
    if column in _FRACTIONS:
        plausible &= (values >= 0) & (values <= 1)
    if column.startswith(("latency:", "measured:")):
        plausible &= values > 0
    return plausible
