"""Explore's filters, which hold for every view: choices of genes, ranges of axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.explore.controls import Choice, budget_scale
from app.shared.frame import compact
from app.shared.neighbours import choice_name
from app.shared.settings import as_text
from evonas.figures.choices import gene_label
from evonas.space import SearchSpace, load_space
from evonas.table.gene_conditions import meets

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of the parallel coordinates.

    Attributes:
        name: A column, or a gene.
        gene: The gene's index; None for a column.
        choices: The names of a gene's choices.
        low: Least value.
        high: Largest value.
    """

    name: str
    gene: int | None
    choices: tuple[str, ...]
    low: float
    high: float

    @property
    def label(self) -> str:
        """Its name in words."""
        return self.name if self.gene is None else gene_label(self.name)


def all_axes(choice: Choice) -> dict[str, Axis]:
    """Returns every axis there may be, by its words: the objectives, then the genes."""
    found = [Axis(name, None, (), *choice.ranges[name]) for name in choice.objectives]
    for index, slot in enumerate(load_space(choice.space).genes):
        names = tuple(choice_name(option) for option in slot.choices)
        found.append(Axis(slot.name, index, names, 0.0, len(names) - 1.0))
    return {axis.label: axis for axis in found}


def range_sliders(axes: Sequence[Axis]) -> dict[str, Range]:
    """Draws a range per axis; returns those that leave something out, by the axis's words."""
    given: dict[str, Range] = {}
    columns = st.columns(min(len(axes), 3) or 1)
    for place, axis in enumerate(axes):
        with columns[place % len(columns)]:
            chosen = _gene_range(axis) if axis.gene is not None else _column_range(axis)
        if chosen is not None:
            given[axis.label] = chosen
    return given


def _gene_range(axis: Axis) -> Range | None:
    ends = (axis.choices[0], axis.choices[-1])
    low, high = st.select_slider(
        axis.label, axis.choices, ends, key=f"range:{axis.label}", bind="query-params"
    )
    if (low, high) == ends:
        return None
    return float(axis.choices.index(low)), float(axis.choices.index(high))


def _column_range(axis: Axis) -> Range | None:
    low, high, step = budget_scale(axis.low, axis.high)
    if not step:
        return None
    chosen = st.slider(
        axis.label,
        low,
        high,
        (low, high),
        step,
        key=f"range:{axis.label}",
        bind="query-params",
        format="compact" if high >= 10_000 else None,
    )
    return None if chosen == (low, high) else (float(chosen[0]), float(chosen[1]))


def rows_kept(
    choice: Choice, axes: Mapping[str, Axis], ranges: Mapping[str, Range]
) -> NDArray[np.bool_] | None:
    """Returns which rows meet the conditions on genes and lie in the ranges, (n,); None for all."""
    if not choice.conditions and not ranges:
        return None
    genotypes = choice.table.genotypes(choice.space)
    kept = meets(load_space(choice.space), genotypes, choice.conditions)
    for label, (low, high) in ranges.items():
        name, gene = axes[label].name, axes[label].gene
        values = choice.table.column(name, choice.space) if gene is None else genotypes[:, gene]
        kept &= (values >= low) & (values <= high)
    return kept


def filter_words(
    choice: Choice, axes: Mapping[str, Axis], ranges: Mapping[str, Range]
) -> list[str]:
    """Returns the filters in words."""
    words = list(choice.conditions)
    for label, (low, high) in ranges.items():
        axis = axes[label]
        ends = [
            compact(end) if axis.gene is None else axis.choices[int(end)] for end in (low, high)
        ]
        words.append(f"{label} {ends[0]} to {ends[1]}")
    return words


def say_filters(words: Sequence[str]) -> None:
    """Draws what is filtered by, since it holds for every view of the page."""
    if words:
        st.caption(f"Every view below is filtered: {as_text('; '.join(words))}.")


def default_axes(choice: Choice, space: SearchSpace) -> list[str]:
    """Returns the axes drawn at first: the two objectives, parameters, and early operations."""
    ops = [gene_label(slot.name) for slot in space.genes if slot.layer][:3]
    names = [choice.x, choice.y, *(n for n in ("params",) if n in choice.objectives), *ops]
    return list(dict.fromkeys(names))
