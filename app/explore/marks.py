"""Networks that stand in a picture beside the rows: the shortlist, published ones, baselines."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from app.shared.columns import Columns
from evonas.errors import EvonasError
from evonas.latency import load_predictor
from evonas.latency.memory_limit import feasible_latency
from evonas.space import Design, list_baselines, list_published, load_space, resolve
from evonas.space.costs import madds, params
from evonas.space.memory import MEMORY, memory_needs


@dataclass(frozen=True, slots=True)
class Mark:
    """A named point of a picture."""

    name: str
    x: float
    y: float


def shortlist_marks(
    table: Columns, space: str, x: str, y: str, arch_ids: Iterable[str]
) -> list[Mark]:
    """Returns the shortlisted networks of which the table knows both values."""
    ours = [arch_id for arch_id in arch_ids if arch_id.partition(":")[0] == space]
    if not ours:
        return []
    found = table.lookup(load_space(space).genotypes(ours), [x, y], space)
    points = np.stack([found[x], found[y]], axis=1)
    return [
        Mark(arch_id, *point)
        for arch_id, point in zip(ours, points.tolist(), strict=True)
        if np.isfinite(point).all()
    ]


def reference_marks(table: Columns, space: str, x: str, y: str) -> list[Mark]:
    """Returns the published networks and baselines of the space's size with both values known."""
    image_size = load_space(space).skeleton.image_size
    marks = []
    for name in [*list_published(), *list_baselines()]:
        design = resolve(name)
        if design.architecture.skeleton.image_size != image_size:
            continue
        values = [_value(table, space, design, column) for column in (x, y)]
        if np.isfinite(values).all():
            marks.append(Mark(name, *values))
    return marks


def _value(table: Columns, space: str, design: Design, column: str) -> float:
    """The value of a column: counted, predicted, or what the table holds; NaN if none of these."""
    if column == "madds":
        return float(madds(design.architecture))
    if column == "params":
        return float(params(design.architecture))
    if column in MEMORY:
        return float(memory_needs(design.architecture)[column])
    own = design.space
    if own is None or design.genotype is None:
        return float("nan")
    genotype = design.genotype[None]
    try:
        if column.startswith("latency:"):
            predictor = load_predictor(column.partition(":")[2], own)
            return float(feasible_latency(predictor, genotype)[0])
        if own.name == space:
            return float(table.lookup(genotype, [column], space)[column][0])
    except EvonasError:
        pass  # no predictor for this network's space: it has no place on that axis
    return float("nan")
