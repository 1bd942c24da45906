"""What a picture of a front shows; `evonas.figures.front` draws it."""

from dataclasses import dataclass

import numpy as np

from evonas.arrays import Floats
from evonas.objectives import Objective, pareto_mask
from evonas.search.run import SearchResult


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Two objectives of one run.

    Attributes:
        x: Objective of the horizontal axis.
        y: Objective of the vertical axis.
        cloud: (n, 2) evaluated networks that are not on the run's front.
        cloud_ids: Their `arch_id`s.
        front: (k, 2) the run's front, over all its objectives.
        front_text: A description of each network of the front.
        line: (m, 2) the front in these two objectives alone, by x.
    """

    x: Objective
    y: Objective
    cloud: Floats
    cloud_ids: list[str]
    front: Floats
    front_text: list[str]
    line: Floats


def front_data(result: SearchResult) -> list[Panel]:
    """Returns a panel for the first objective over each of the others."""
    scored = np.flatnonzero(result.archive.feasible)
    cloud = np.setdiff1d(scored, result.front)
    values = result.values()
    text = [_describe(result, row) for row in result.rows()]
    cloud_ids = result.space.arch_ids(result.archive.genotypes[cloud])
    panels = []
    y = result.objectives[0]
    for column, x in enumerate(result.objectives[1:], start=1):
        points = values[:, [column, 0]]
        front = points[result.front]
        best = front[pareto_mask(front, (x, y))]
        line = best[np.argsort(best[:, 0])]
        panels.append(Panel(x, y, points[cloud], cloud_ids, front, text, line))
    return panels


def _describe(result: SearchResult, row: dict[str, str | float]) -> str:
    lines = [str(row["arch_id"])]
    lines += [f"{name}: {value:.4g}" for name, value in row.items() if not isinstance(value, str)]
    return "<br>".join(lines)
