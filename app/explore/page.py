"""Explore: the front of a table under budgets, the table beside it, the shortlist."""

import numpy as np
import streamlit as st

from app.explore.controls import Choice, choose
from app.explore.details import neighbours, parallel, where_from
from app.explore.figure import Layers, front_figure
from app.explore.marks import reference_marks, shortlist_marks
from app.explore.picks import picked_rows, selected_points
from app.shared.cards import sources
from app.shared.frame import compact, metrics, run_page
from app.shared.front import MOST_SHOWN, Front, front_data, subspace_fronts, subspace_levels
from app.shared.rows import rows_csv, rows_frame
from app.shared.shortlist import MOST
from app.shared.state import add_to_shortlist, shortlist
from evonas.objectives import load_objective
from evonas.space import load_space


def page() -> None:
    """Draws the page."""
    st.title("Explore")
    choice = choose()
    if choice is None:
        return
    data = front_data(choice.table, choice.space, choice.x, choice.y, choice.budgets)
    figures(data)
    picked = chart(choice, data)
    picked += front_table(choice, data)
    picked = list(dict.fromkeys(picked))
    actions(choice, data, picked)
    if len(picked) == 1:
        neighbours(choice, picked[0])
    parallel(choice, data)
    where_from(choice)


def figures(data: Front) -> None:
    """Draws the numbers above the picture."""
    metrics(
        {
            "on the front": f"{len(data.front)}",
            "within budget": f"{len(data.within):,} of {len(data.values):,}",
            "hypervolume": compact(data.hypervolume),
        },
        hypervolume="Area that the front dominates, to the worst values in this table: larger is "
        "better.",
    )
    if not len(data.front):
        st.warning("No architecture is within these budgets; loosen one of them.")


def chart(choice: Choice, data: Front) -> list[int]:
    """Draws the picture and returns the rows picked in it."""
    with st.container(horizontal=True):
        layers = chosen_layers(choice, data)
    event = st.plotly_chart(
        front_figure(data, layers),
        key="front",
        on_select="rerun",
        selection_mode=("points", "lasso", "box"),
        width="stretch",
        config={"displaylogo": False},
        alt=f"{choice.y} over {choice.x}: {len(data.front)} networks on the front of "
        f"{len(data.within)} within the budgets. The table below lists the front.",
    )
    drawn = len(data.dominated) + len(data.front)
    thinned = f", the cloud thinned to {MOST_SHOWN:,}" if drawn < len(data.within) else ""
    st.caption(
        "Each point is an architecture; those on the line are the best at their price "
        f"({drawn:,} of {len(data.within):,} within budget drawn{thinned}). "
        "Lasso points, or tick rows of the table, to shortlist them."
    )
    return picked_rows(selected_points(event), len(data.values))


def chosen_layers(choice: Choice, data: Front) -> Layers:
    """Draws the toggles and returns what they ask for."""
    table, space, x, y = choice.table, choice.space, choice.x, choice.y
    dominated = st.checkbox("Dominated", True, key="dominated")
    outside = st.checkbox("Over budget", True, key="outside")
    overlaid = st.checkbox(
        "Fronts of sub-spaces",
        key="subspaces",
        help="ibn: inverted bottlenecks only; ibn+fused: fused ones too; tdb: Tucker "
        "convolutions too, the whole space.",
    )
    references = reference_marks(table, space, x, y)
    if references and not st.checkbox("Published networks", True, key="published"):
        references = []
    fronts = None
    if overlaid:
        levels = subspace_levels(load_space(space), table.genotypes(space))
        fronts = subspace_fronts(data, levels)
    return Layers(
        dominated,
        outside,
        table.column(choice.colour, space) if choice.colour else None,
        choice.colour or "",
        fronts,
        shortlist_marks(table, space, x, y, shortlist()),
        references,
        sources(table, space),
    )


def front_table(choice: Choice, data: Front) -> list[int]:
    """Draws the front as a table and returns the ticked rows."""
    rows = data.front
    ticked = st.dataframe(
        rows_frame(choice.table, choice.space, rows, choice.objectives),
        key="rows",
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        height=38 + 35 * min(max(len(rows), 1), 7),
        column_config={
            name: st.column_config.NumberColumn(
                format="compact" if name in ("madds", "params") else "%.4g",
                help=load_objective(name).unit,
            )
            for name in choice.objectives
        },
    )
    return [int(rows[i]) for i in ticked["selection"]["rows"] if i < len(rows)]


def actions(choice: Choice, data: Front, picked: list[int]) -> None:
    """Draws what can be done with the picked rows and the front.

    Where more are picked than the shortlist has room for, those on the front come first.
    """
    table, space = choice.table, choice.space
    picked = [*np.intersect1d(picked, data.front), *np.setdiff1d(picked, data.front)]
    room = MOST - len(shortlist())
    many = f"{len(picked)}" if len(picked) <= room else f"{room} of {len(picked)}"
    with st.container(horizontal=True):
        st.button(
            f"Add {many} to the shortlist",
            disabled=not picked,
            on_click=lambda: add_to_shortlist(
                load_space(space).arch_ids(table.genotypes(space)[picked])
            ),
            type="primary",
            key="add",
        )
        name = f"{choice.table_name}-{space}-front".replace(" ", "-")
        st.download_button(
            "Front as CSV",
            lambda: rows_csv(table, space, data.front, choice.objectives),
            f"{name}.csv",
            "text/csv",
            on_click="ignore",
        )
        st.download_button(
            "Picture as HTML",
            lambda: front_figure(data, Layers()).to_html(include_plotlyjs=True),
            f"{name}.html",
            "text/html",
            on_click="ignore",
        )


run_page(page)
