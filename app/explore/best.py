"""Explore's first sentence: the best network under the budgets, with source and error."""

from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
import streamlit as st

from app.explore.controls import Choice
from app.shared.cards import device_error
from app.shared.columns import Columns
from app.shared.frame import compact
from app.shared.front import Front, left_out
from app.shared.settings import as_text
from evonas.objectives import load_objective
from evonas.space import load_space

# From so many networks with both values on, a table tells how far shared weights are off.
_ENOUGH = 20


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the best network, with what is known of it.

    Attributes:
        name: Column.
        text: Value and unit.
        source: Where it is from.
        error: How far it may be off, or nothing.
    """

    name: str
    text: str
    source: str
    error: str

    def __str__(self) -> str:
        known = ", ".join(filter(None, (self.source, self.error)))
        return f"{as_text(self.name)} **{self.text}**" + (f" ({as_text(known)})" if known else "")


def best_row(data: Front) -> int | None:
    """Returns the row with the best vertical value within the budgets; None if there is none."""
    if not len(data.front):
        return None
    values = data.values[data.front, 1]
    return int(data.front[values.argmax() if data.y.maximise else values.argmin()])


def figures_of(table: Columns, space: str, row: int, columns: list[str]) -> list[Figure]:
    """Returns a row's numbers, each with its source and its error."""
    figures = []
    for name in columns:
        value = float(table.column(name, space)[row])
        unit = load_objective(name).unit
        source = table.provenance(name, space).get("source", "source unknown")
        text = f"{value:.3f} AP" if unit == "AP" else f"{compact(value)} {unit}"
        figures.append(Figure(name, text, source, _error(table, space, name, source)))
    return figures


def _error(table: Columns, space: str, name: str, source: str) -> str:
    if source == "predicted" and name.startswith("latency:"):
        return device_error(name.partition(":")[2], space).partition(",")[0]
    if source == "supernet" and name == "map":
        return trained_error(table, space)
    return ""


def trained_error(table: Columns, space: str) -> str:
    """Returns in words how far AP by shared weights is from AP after training from scratch."""
    if "trained_map" not in table.columns(space):
        return "error not known"
    shared, trained = (table.column(name, space) for name in ("map", "trained_map"))
    both = np.isfinite(shared) & np.isfinite(trained)
    if both.sum() < _ENOUGH:
        return "error not known"
    off = np.abs(shared[both] - trained[both]).mean()
    return f"{off:.2f} from trained AP on average of {both.sum()} networks"


def first_sentence(choice: Choice, data: Front) -> None:
    """Draws the sentence; without a network within the budgets, what to do about it."""
    row = best_row(data)
    if row is None:
        st.warning("No architecture is within these budgets and filters; loosen one of them.")
        return
    columns = list(dict.fromkeys((choice.y, choice.x, *choice.budgets)))
    arch_id = load_space(choice.space).arch_ids(choice.table.genotypes(choice.space)[[row]])[0]
    figures = figures_of(choice.table, choice.space, row, columns)
    link = f"[`{arch_id}`](architecture?arch={quote(arch_id)})"
    st.markdown(f"**{_budgets(choice)}:** {link}: {'; '.join(map(str, figures))}.")


def _budgets(choice: Choice) -> str:
    if not choice.budgets:
        return f"Best {as_text(choice.y)}, no budget set"
    given = []
    for name, bound in choice.budgets.items():
        objective = load_objective(name)
        word = "at least" if objective.maximise else "at most"
        given.append(f"{as_text(name)} {word} {compact(bound)} {objective.unit}")
    return f"Best under my budget ({', '.join(given)})"


def counts(data: Front, drawn: int, thinned_to: int) -> None:
    """Draws how many rows the picture shows, and which are left out and why."""
    thinned = f", the cloud thinned to {thinned_to:,}" if drawn < len(data.within) else ""
    rest = left_out(data)
    st.caption(
        f"{drawn:,} of {len(data.within):,} networks within budget drawn{thinned}. "
        + (f"{as_text(rest)}. " if rest else "")
        + "Those on the line are the best at their price: lasso points, or tick rows of the "
        "table, to shortlist them."
    )
