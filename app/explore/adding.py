"""Explore's picks: kept while the picture changes, listed before they are added."""

import numpy as np
import streamlit as st

from app.explore.controls import Choice
from app.explore.picks import Picks, ordered_picks, picked_rows, selected_points
from app.shared.front import Front
from app.shared.rows import rows_frame
from app.shared.shortlist import MOST
from app.shared.state import add_to_shortlist, shortlist
from evonas.space import load_space

_KEPT = "lassoed"


def lassoed_rows(event: object, choice: Choice, n_rows: int) -> list[int]:
    """Returns the rows picked in the chart; Streamlit forgets them whenever the chart changes."""
    rows = picked_rows(selected_points(event), n_rows)
    place = choice.table_name, choice.space
    if rows:
        st.session_state[_KEPT] = place, rows
    kept, before = st.session_state.get(_KEPT, (place, []))
    return [row for row in before if row < n_rows] if kept == place else []


def forget_if_empty() -> None:
    """Takes up that the chart's selection was lifted; to be called when it changes."""
    if not selected_points(st.session_state.get("front")):
        forget()


def forget() -> None:
    """Drops what was picked in the chart."""
    st.session_state.pop(_KEPT, None)


def add_picks(choice: Choice, data: Front, picked: list[int]) -> Picks:
    """Draws what would be added to the shortlist, and the button that does; returns the picks."""
    picks = ordered_picks(picked, data, bool(st.session_state.get("take over")))
    if picks.over:
        st.checkbox(
            f"Take the {len(picks.over):,} picked beyond a budget or without a value too",
            key="take over",
        )
    space = load_space(choice.space)
    arch_ids = space.arch_ids(choice.table.genotypes(choice.space)[picks.rows])
    listed = shortlist()
    fresh = [i for i, arch_id in enumerate(arch_ids) if arch_id not in listed]
    room = MOST - len(listed)
    many = f"{len(fresh)}" if len(fresh) <= room else f"{room} of {len(fresh)}"
    if fresh:
        _list(choice, data, [picks.rows[i] for i in fresh[:room]], len(fresh))
    with st.container(horizontal=True):
        st.button(
            f"Add {many} to the shortlist",
            disabled=not fresh or not room,
            on_click=_add,
            args=([arch_ids[i] for i in fresh],),
            type="primary",
            key="add",
        )
        if _KEPT in st.session_state:
            st.button("Clear the lasso", on_click=forget, key="clear picks")
    return picks


def _add(arch_ids: list[str]) -> None:
    add_to_shortlist(arch_ids)
    forget()


def _list(choice: Choice, data: Front, rows: list[int], n_picked: int) -> None:
    columns = list(dict.fromkeys((choice.y, choice.x, *choice.budgets)))
    frame = rows_frame(choice.table, choice.space, np.array(rows, np.intp), columns)
    frame["on the front"] = np.isin(rows, data.front)
    frame["within budget"] = np.isin(rows, data.within)
    more = f", {len(rows)} of {n_picked:,} picked: the shortlist holds {MOST}"
    st.markdown(f"**To be added**{more if len(rows) < n_picked else ''}")
    st.dataframe(frame, hide_index=True, height=38 + 35 * min(max(len(rows), 1), 5), key="to add")
