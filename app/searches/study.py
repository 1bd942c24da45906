"""Several searches as one study: their rows, curves and fronts, as data."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.searches.folder import Search, read_front
from app.searches.request import Request
from evonas.errors import EvonasError
from evonas.figures.curves import Curve
from evonas.figures.fronts import FrontLine, front_line
from evonas.objectives import Objective, load_objective

EVALUATIONS, SECONDS = 0, 1  # columns of `Search.completed`
_UNKNOWN = "not known before its end"


def search_rows(searches: Sequence[Search]) -> dict[str, list[Any]]:
    """Returns the list of searches as columns; what no file says is missing."""
    asked = [search.asked for search in searches]
    nothing = [None] * len(searches)

    def of(field: str) -> list[Any]:
        return [getattr(a, field) if a else b for a, b in zip(asked, nothing, strict=True)]

    return {
        "search": [search.name for search in searches],
        "state": [search.state for search in searches],
        "hypervolume": [search.hypervolume for search in searches],
        "evaluations": [search.evaluated for search in searches],
        "of": of("evaluations"),
        "algorithm": of("algorithm"),
        "scorer": of("scored_by"),
        "seed": of("seed"),
        "question": [a.question if a else _UNKNOWN for a in asked],
        "started": [datetime.fromtimestamp(search.started, UTC) for search in searches],
    }


def same_question(searches: Sequence[Search], as_: Search) -> list[str]:
    """Returns the names of the searches that ask what one asks, itself among them."""
    if as_.asked is None:
        return [as_.name]
    question = as_.asked.question
    return [s.name for s in searches if s.asked is not None and s.asked.question == question]


def groups(searches: Sequence[Search]) -> list[str]:
    """Returns what each search has in common with its other seeds, as the legends say it.

    Question and scorer are named where they tell the searches apart.
    """
    asked = [search.asked for search in searches]
    several = {
        field: len({getattr(a, field) for a in asked if a}) > 1
        for field in ("question", "scored_by", "population")
    }
    return [
        _group(a, several) if a else search.name for a, search in zip(asked, searches, strict=True)
    ]


def _group(asked: Request, several: dict[str, bool]) -> str:
    parts = [asked.algorithm]
    if several["scored_by"]:
        parts.append(asked.scored_by)
    if several["population"]:
        parts.append(f"population {asked.population}")
    if several["question"]:
        parts.append(asked.question)
    return ", ".join(parts)


def curves(searches: Sequence[Search], column: int) -> list[Curve]:
    """Returns hypervolume over `EVALUATIONS` or `SECONDS`, of those that have any."""
    found = []
    for search, group in zip(searches, groups(searches), strict=True):
        done = search.completed()
        if len(done):
            found.append(Curve(search.name, group, done[:, column], done[:, 2]))
    return found


def common_objectives(searches: Sequence[Search]) -> list[Objective]:
    """Returns the objectives that all of the searches have, in the first one's order."""
    known = [search.asked.objectives for search in searches if search.asked is not None]
    names = [n for n in (known[0] if known else ()) if all(n in other for other in known)]
    try:
        return [load_objective(name) for name in names]
    except EvonasError:
        return []


def fronts(searches: Sequence[Search], axes: tuple[Objective, Objective]) -> list[FrontLine]:
    """Returns the fronts so far in two objectives, of those searches that have one.

    Raises:
        SchemaError: A front's file is damaged.
    """
    found = []
    for search, group in zip(searches, groups(searches), strict=True):
        rows = read_front(search.name)
        if rows and all(axis.name in rows[0] for axis in axes):
            points = np.array([[row[axis.name] for axis in axes] for row in rows], np.float64)
            names = [str(row["arch_id"]) for row in rows]
            found.append(front_line(search.name, group, points, names, axes))
    return found
