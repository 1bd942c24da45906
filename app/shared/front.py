"""The front of a table under budgets, and the fronts of its sub-spaces."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.shared.columns import Columns
from app.shared.corners import table_hypervolume
from evonas.errors import EvonasError
from evonas.objectives import Objective, load_objective, pareto_mask
from evonas.space import Op, SearchSpace
from evonas.space.rules import SUBSPACES

Rows = NDArray[np.intp]

# Of the dominated cloud; the front is always whole. So many a browser draws sooner as SVG than it
# starts WebGL, and they show where the cloud is as well as all of them do.
MOST_SHOWN = 1_500
_MOST_OUTSIDE = 500  # points over budget, which only say where the others are


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """What a picture of a table shows.

    Attributes:
        x: Objective of the horizontal axis.
        y: Objective of the vertical axis.
        values: (n, 2) x and y of every row of the table.
        front: Rows on the front under the budgets, by x.
        dominated: Rows within the budgets that are not on it, thinned.
        outside: Rows that break a budget, thinned.
        within: All rows within the budgets.
        hypervolume: Of the front, normalised; NaN where it is not defined.
        missing: By column, how many rows are left out for want of its value.
        over: By column, how many of the others break its budget; a row may break several.
        budgets: Per column the worst value that is allowed.
        filtered: How many of the other rows do not meet the filters.
    """

    x: Objective
    y: Objective
    values: NDArray[np.float64]
    front: Rows
    dominated: Rows
    outside: Rows
    within: Rows
    hypervolume: float
    missing: Mapping[str, int]
    over: Mapping[str, int]
    budgets: Mapping[str, float]
    filtered: int = 0

    @property
    def objectives(self) -> tuple[Objective, Objective]:
        """Both objectives, as the columns of `values`."""
        return self.x, self.y


def front_data(
    table: Columns,
    space: str,
    x: str,
    y: str,
    budgets: Mapping[str, float],
    kept: NDArray[np.bool_] | None = None,
) -> Front:
    """Returns the front of two objectives among the rows within the budgets.

    Args:
        table: The table.
        space: Space of the rows.
        x: Objective of the horizontal axis.
        y: Objective of the vertical axis.
        budgets: Per column the worst value that is allowed.
        kept: (n,) rows that meet the filters; None for all.
    """
    objectives = load_objective(x), load_objective(y)
    columns = {name: table.column(name, space) for name in dict.fromkeys((x, y, *budgets))}
    values = np.stack([columns[x], columns[y]], axis=1)
    complete = np.logical_and.reduce([np.isfinite(column) for column in columns.values()])
    missing = {name: int((~np.isfinite(column)).sum()) for name, column in columns.items()}
    over = {}
    within = complete.copy()
    for name, bound in budgets.items():
        column = columns[name]
        breaks = column < bound if load_objective(name).maximise else column > bound
        over[name] = int((breaks & complete).sum())
        within &= ~breaks
    inside = int(within.sum())
    if kept is not None:
        within &= kept
    rows = np.flatnonzero(within)
    best = _best(values, rows, objectives)
    return Front(
        *objectives,
        values,
        best,
        _thin(np.setdiff1d(rows, best, assume_unique=True)),
        _thin(np.flatnonzero(complete & ~within), _MOST_OUTSIDE),
        rows,
        table_hypervolume(values[best], objectives, space),
        {name: n for name, n in missing.items() if n},
        {name: n for name, n in over.items() if n},
        dict(budgets),
        inside - len(rows),
    )


def left_out(data: Front) -> str:
    """Returns in words which of the table's rows are not within the budgets, and why; or nothing.

    A row may lack several values, or break several budgets.
    """
    n = len(data.values) - len(data.within)
    reasons = [f"{count:,} without {name}" for name, count in data.missing.items()]
    reasons += [f"{count:,} beyond the budget of {name}" for name, count in data.over.items()]
    if data.filtered:
        reasons.append(f"{data.filtered:,} of the rest by the filters")
    return f"{n:,} of {len(data.values):,} left out: {', '.join(reasons)}" if n else ""


def objectives_of(table: Columns, space: str) -> list[str]:
    """Returns the columns that are objectives and have values, accuracies first."""
    return list(objective_ranges(table, space))


def objective_ranges(table: Columns, space: str) -> dict[str, tuple[float, float]]:
    """Returns the least and the largest value of each objective that has any, accuracies first."""
    ranges = {}
    for name in table.columns(space):
        try:
            load_objective(name)
        except EvonasError:
            continue
        values = table.column(name, space)
        values = values[np.isfinite(values)]
        if len(values):
            ranges[name] = float(values.min()), float(values.max())
    names = sorted(ranges, key=lambda name: not load_objective(name).maximise)
    return {name: ranges[name] for name in names}


def subspace_levels(space: SearchSpace, genotypes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the smallest sub-space, an index into `SUBSPACES`, that holds each network, (n,)."""
    order = {kind: level for level, kinds in reversed(list(enumerate(SUBSPACES.values())))
             for kind in kinds}  # fmt: skip
    levels = np.zeros(len(genotypes), np.uint8)
    genes = {slot.name: column for column, slot in enumerate(space.genes)}
    for slot in space.slots:
        if not slot.layer:
            continue
        of_choice = np.array(
            [order[c.kind] if isinstance(c, Op) else 0 for c in slot.choices], np.uint8
        )
        chosen = genotypes[:, genes[slot.name]] if slot.name in genes else 0
        np.maximum(levels, of_choice[chosen], out=levels)
    return levels


def subspace_fronts(data: Front, levels: NDArray[np.uint8]) -> dict[str, Rows]:
    """Returns by sub-space its front under the same budgets, by x; those with rows only."""
    fronts = {}
    for level, name in enumerate(SUBSPACES):
        rows = data.within[levels[data.within] <= level]
        if len(rows):
            fronts[name] = _best(data.values, rows, data.objectives)
    return fronts


def _best(values: NDArray[np.float64], rows: Rows, objectives: tuple[Objective, Objective]) -> Rows:
    best = rows[pareto_mask(values[rows], objectives)]
    return best[np.argsort(values[best, 0], kind="stable")]


def _thin(rows: Rows, most: int = MOST_SHOWN) -> Rows:
    """Keeps up to so many rows, evenly, so that the picture is the same on every rerun."""
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.intp)] if len(rows) > most else rows
