"""Explore's side: which table, which objectives, which budgets."""

import math
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.shared.address import check_address, check_names
from app.shared.cards import device_error
from app.shared.settings import as_text, shown
from app.shared.table_view import TableView, view_table
from app.shared.tables import find_tables, load_ranges, load_table
from evonas.objectives import load_objective
from evonas.space import load_space
from evonas.table.gene_conditions import gene_conditions

_NO_COLOUR = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What the side of the page asks for."""

    table: TableView
    table_name: str
    space: str
    objectives: list[str]
    x: str
    y: str
    colour: str | None
    budgets: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    conditions: list[str]


@dataclass(frozen=True, slots=True)
class Budget:
    """The worst value allowed in a column, and the one that allows all its values."""

    name: str
    bound: float
    loosest: float


def choose() -> Choice | None:
    """Draws the side and returns what it asks for; None, and why, if there is nothing to show."""
    tables = find_tables()
    if not tables:
        st.info("There is no table yet. Make one with `make demo` or `evonas demo`, then reload.")
        return None
    with st.sidebar:
        check_address("table", tables)
        name = st.selectbox("Table", list(tables), key="table", bind="query-params")
        spaces = load_table(tables[name]).spaces
        if not spaces:
            st.info("This table has no rows yet.")
            return None
        check_address("space", spaces)
        space = st.selectbox("Space", spaces, key="space", bind="query-params")
        table = view_table(tables[name], space)
        ranges = load_ranges(tables[name], space) | _further_ranges(table, space)
        names = list(ranges)
        if len(names) < 2:
            st.info("This table has fewer than two objectives with values.")
            return None
        for key in ("x", "y"):
            check_address(key, names)
        check_address("colour", [_NO_COLOUR, *names])
        for prefix in ("budget:", "log:"):
            check_names(prefix, names)
        y = st.selectbox("Vertical axis", names, key="y", bind="query-params")
        others = [name for name in names if name != y]
        first = next((i for i, n in enumerate(others) if n.startswith("latency:")), 0)
        x = st.selectbox("Horizontal axis", others, index=first, key="x", bind="query-params")
        rest = [_NO_COLOUR, *(name for name in others if name != x)]
        colour = st.selectbox("Colour", rest, key="colour", bind="query-params")
        _own_devices(table, space)
        conditions = gene_filter(space)
        given = _budgets(ranges, x, y)
    budgets = {budget.name: budget.bound for budget in given if budget.bound != budget.loosest}
    hue = None if colour == _NO_COLOUR else colour
    return Choice(table, name, space, names, x, y, hue, budgets, ranges, conditions)


def gene_filter(space: str) -> list[str]:
    """Draws the filter by choices, and returns the conditions that rows are to meet."""
    known = list(gene_conditions(load_space(space)))
    check_address("genes", known)
    return st.multiselect(
        "Filter by choice",
        known,
        key="genes",
        bind="query-params",
        placeholder="such as fused in block 1",
        help="Type a kind, a block or a layer. Choices at one place are alternatives; of "
        "different places all are to be met. The filter holds for every view of this page.",
    )


def _further_ranges(table: TableView, space: str) -> dict[str, tuple[float, float]]:
    further = table.columns(space)[len(table.table.columns(space)) :]
    values = {name: table.column(name, space) for name in further}
    known = {name: column[np.isfinite(column)] for name, column in values.items()}
    return {name: (float(v.min()), float(v.max())) for name, v in known.items() if len(v)}


def _own_devices(table: TableView, space: str) -> None:
    """Says which columns are predicted here, and which devices cannot be."""
    for name in table.predictors:
        error = device_error(name.partition(":")[2], space)
        st.caption(f"`{name}`: your device, predicted here for every row of the table; {error}.")
    for device, fault in table.faults.items():
        st.warning(f"Your device {as_text(device)} cannot be read: {shown(fault)}")


def budget_scale(low: float, high: float) -> tuple[float, float, float]:
    """Returns lowest, highest and step of a budget's slider: round numbers, about 200 steps.

    >>> budget_scale(0.1131, 0.4987)
    (0.113, 0.499, 0.001)
    """
    if not low < high:
        return low, high, 0.0
    step = 10.0 ** math.floor(math.log10((high - low) / 100))
    digits = max(-round(math.log10(step)), 0)
    return (
        round(math.floor(low / step) * step, digits),
        round(math.ceil(high / step) * step, digits),
        step,
    )


def _budgets(ranges: dict[str, tuple[float, float]], x: str, y: str) -> list[Budget]:
    """Draws the budgets of both axes, those that are set, and those that are asked for."""
    st.subheader("Budgets", help="Rows beyond a budget leave the front; it is derived again.")
    further = st.multiselect(
        "Budgets on further columns",
        [name for name in ranges if name not in (x, y)],
        key="budgets",
        placeholder="such as another device",
    )
    drawn = [
        _budget(name, *ranges[name])
        for name in ranges
        if name in (x, y, *further) or _is_set(name, *ranges[name])
    ]
    given = [budget for budget in drawn if budget is not None]
    st.button("Lift all budgets", on_click=_lift, args=(given,), key="lift")
    return given


def _is_set(name: str, least: float, largest: float) -> bool:
    """Returns whether the address or this session has a budget of a column."""
    value = st.session_state.get(_key(name))
    return _key(name) in st.query_params or value not in (None, _loosest(name, least, largest))


def _loosest(name: str, least: float, largest: float) -> float:
    low, high, _ = budget_scale(least, largest)
    return low if load_objective(name).maximise else high


def _budget(name: str, least: float, largest: float) -> Budget | None:
    """Draws one budget and returns it, or None where all values are the same."""
    low, high, step = budget_scale(least, largest)
    if not step:
        return None
    objective = load_objective(name)
    word = "at least" if objective.maximise else "at most"
    loosest = _loosest(name, least, largest)
    label, key, twin = f"{name} {word} ({objective.unit})", _key(name), f"number {name}"
    wide, narrow = st.columns([5, 4], vertical_alignment="bottom")
    chosen = wide.slider(
        label,
        low,
        high,
        loosest,
        step,
        key=key,
        bind="query-params",
        format="compact" if high >= 10_000 else None,
    )
    chosen = min(max(chosen, low), high)
    st.session_state[twin] = chosen
    digits = max(-round(math.log10(step)), 0)
    narrow.number_input(
        label,
        low,
        high,
        step=step,
        format=f"%.{digits}f",
        key=twin,
        label_visibility="collapsed",
        on_change=_copy,
        args=(twin, key),
    )
    return Budget(name, chosen, loosest)


def _copy(source: str, target: str) -> None:
    st.session_state[target] = st.session_state[source]


def _key(name: str) -> str:
    return f"budget:{name}"


def _lift(budgets: list[Budget]) -> None:
    for budget in budgets:
        st.session_state[_key(budget.name)] = budget.loosest
