"""Explore: the front of a table under budgets, the table beside it, the shortlist."""

import numpy as np
import streamlit as st

from app.front import Front, front_data, front_figure
from app.sources import find_tables, load_table
from app.state import add_to_shortlist, clear_shortlist, shortlist
from evonas.errors import EvonasError
from evonas.objectives import load_objective
from evonas.space import load_space
from evonas.table import BenchmarkTable

st.title("Explore")


def objectives_of(table: BenchmarkTable, space: str) -> list[str]:
    """Returns the columns that are objectives and have values, accuracies first."""
    names = []
    for name in table.columns(space):
        try:
            load_objective(name)
        except EvonasError:
            continue
        if np.isfinite(table.column(name, space)).any():
            names.append(name)
    return sorted(names, key=lambda name: not load_objective(name).maximise)


def budget_slider(table: BenchmarkTable, space: str, name: str) -> float | None:
    """Draws one budget and returns it, or None where it allows everything."""
    values = table.column(name, space)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if not low < high:
        return None
    objective = load_objective(name)
    word = "at least" if objective.maximise else "at most"
    loosest = low if objective.maximise else high
    chosen = st.slider(
        f"{name} {word} ({objective.unit})", low, high, loosest, key=f"budget:{name}"
    )
    return None if chosen == loosest else chosen


def page() -> None:
    """Draws the page."""
    tables = find_tables()
    if not tables:
        st.info("There is no table yet. Make one with `make demo` or `evonas demo`, then reload.")
        return
    with st.sidebar:
        table = load_table(tables[st.selectbox("Table", list(tables), key="table")])
        if not table.spaces:
            st.info("This table has no rows yet.")
            return
        space = st.selectbox("Space", table.spaces, key="space")
        names = objectives_of(table, space)
        if len(names) < 2:
            st.info("This table has fewer than two objectives with values.")
            return
        y = st.selectbox("Vertical axis", names, key="y")
        others = [name for name in names if name != y]
        first = next((i for i, n in enumerate(others) if n.startswith("latency:")), 0)
        x = st.selectbox("Horizontal axis", others, index=first, key="x")
        st.subheader("Budgets", help="Rows beyond a budget leave the front; it is derived anew.")
        drawn = {name: budget_slider(table, space, name) for name in names}
    budgets = {name: bound for name, bound in drawn.items() if bound is not None}
    data = front_data(table, space, x, y, budgets)
    draw(table, space, names, data)


def draw(table: BenchmarkTable, space: str, names: list[str], data: Front) -> None:
    """Draws figures, picture and table."""
    rows = data.front
    total = len(table.genotypes(space))
    for column, (label, value) in zip(
        st.columns(4),
        {
            "on the front": f"{len(rows)}",
            "within budget": f"{data.n_within} of {total}",
            "hypervolume": f"{data.hypervolume:.4g}",
            "shortlist": f"{len(shortlist())}",
        }.items(),
        strict=True,
    ):
        column.metric(label, value)
    if not len(rows):
        st.warning("No architecture is within these budgets; loosen one of them.")
    ids = load_space(space).arch_ids(table.genotypes(space))
    position = {arch_id: row for row, arch_id in enumerate(ids)}
    listed = np.array([position[a] for a in shortlist() if a in position], np.intp)
    event = st.plotly_chart(
        front_figure(data, listed),
        key="front",
        on_select="rerun",
        selection_mode=("points", "lasso", "box"),
        width="stretch",
    )
    st.caption(
        f"Each point is an architecture; {len(data.dominated)} dominated ones are drawn. Lasso "
        "points, or tick rows of the table below, and add them to the shortlist."
    )
    picked = [int(point["customdata"]) for point in event["selection"]["points"]]

    frame: dict[str, object] = {"arch_id": [ids[row] for row in rows]}
    frame |= {name: table.column(name, space)[rows] for name in names}
    ticked = st.dataframe(
        frame, key="rows", on_select="rerun", selection_mode="multi-row", hide_index=True
    )
    picked += [int(rows[i]) for i in ticked["selection"]["rows"]]
    add, clear, show = st.columns([1, 1, 2])
    add.button(
        f"Add {len(set(picked))} to the shortlist",
        disabled=not picked,
        on_click=add_to_shortlist,
        args=([ids[row] for row in dict.fromkeys(picked)],),
    )
    clear.button("Clear the shortlist", disabled=not shortlist(), on_click=clear_shortlist)
    if shortlist():
        chosen = show.selectbox("Shortlist", shortlist(), key="chosen")
        show.page_link(
            "app_pages/architecture.py",
            label="Show its architecture",
            query_params={"arch": chosen},
        )


try:
    page()
except EvonasError as error:
    st.error(str(error))
