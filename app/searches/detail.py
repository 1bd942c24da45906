"""One search in full, and what can be done with those that are chosen."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.searches.folder import Search, front_path, read_front
from app.searches.processes import remove, resume, stop
from app.searches.selection import select
from app.searches.study import same_question
from app.shared.background import PLACES
from app.shared.frame import HYPERVOLUME, attempt, hypervolume_text, metrics, time_left
from app.shared.settings import RUNS, as_text, read_only
from app.shared.state import add_to_shortlist


def buttons(searches: Sequence[Search], chosen: Sequence[Search]) -> None:
    """Draws what can be done with the chosen searches."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen:
            same = same_question(searches, chosen[0])
            if len(same) > 1 and {*same} != {search.name for search in chosen}:
                st.button(
                    f"All {len(same)} of this question", on_click=select, args=(same,), key="same"
                )
        if not read_only():
            _act("Stop", "stop", stop, [s for s in chosen if s.state in ("waiting", "running")])
            early = [s for s in chosen if s.state in ("stopped", "failed") and s.request]
            _act("Resume", "resume", resume, early)
            _removal([s for s in chosen if s.state not in ("waiting", "running")])
        if len(chosen) == 1 and (RUNS / chosen[0].name / "table").is_dir():
            st.page_link(
                "explore/page.py",
                label="See its front in Explore",
                query_params={"table": f"run {chosen[0].name}"},
            )


def detail(search: Search) -> None:
    """Draws one search: how far it is, its front, its log."""
    last = search.progress[-1] if search.progress else {}
    asked = search.asked
    generations = last.get("generations") or (asked.generations if asked else 0)
    metrics(
        {
            "state": search.state,
            "generation": _of(last.get("generation", 0), generations),
            "evaluated a second": _pace(search),
            "hypervolume": hypervolume_text(search.hypervolume),
        },
        hypervolume=HYPERVOLUME,
    )
    if search.state == "waiting":
        st.caption(f"It starts when one of the {PLACES} places for searches is free.")
    if search.state == "running":
        share = last["evaluated"] / asked.evaluations if last and asked else 0.0
        left = time_left(last["seconds_left"]) if last else "starting: loading what it needs"
        st.progress(min(share, 1.0), text=left)
    if search.state == "failed":
        st.error("It ended early; the log says why. Resume continues from its table.")
    if search.record and not search.progress:
        st.caption("No curve: it was made by an older evonas, or its progress file is gone.")
    _front(search)
    with st.expander("Log and settings", expanded=search.state == "failed"):
        st.code(search.log or "nothing yet", language=None, wrap_lines=True)
        st.json(search.settings(), expanded=False)


def _act(label: str, key: str, action: Callable[[str], None], those: Sequence[Search]) -> None:
    if those:
        st.button(
            label if len(those) == 1 else f"{label} {len(those)}",
            on_click=_attempt_all,
            args=(action, [search.name for search in those]),
            key=key,
        )


def _attempt_all(action: Callable[[str], None], names: Sequence[str]) -> None:
    for name in names:
        attempt(action, name)


def _removal(those: Sequence[Search]) -> None:
    if not those:
        return
    names = [search.name for search in those]
    with st.popover("Remove" if len(names) == 1 else f"Remove {len(names)}"):
        st.write(
            f"Removes {', '.join(map(as_text, names))}: fronts, logs and the scores in their "
            "tables. Nothing brings them back."
        )
        st.button("Remove for good", on_click=_remove, args=(names,), key="remove", type="primary")


def _remove(names: Sequence[str]) -> None:
    _attempt_all(remove, names)
    st.query_params.pop("searches", None)


def _front(search: Search) -> None:
    rows = read_front(search.name)
    if not rows:
        return
    st.subheader("Its front" if search.record else "Its front so far")
    ticked = st.dataframe(
        rows, hide_index=True, key="found", on_select="rerun", selection_mode="multi-row",
        height=38 + 35 * min(len(rows), 8),
    )  # fmt: skip
    picked = [rows[i]["arch_id"] for i in ticked["selection"]["rows"] if i < len(rows)]
    with st.container(horizontal=True):
        st.button(
            f"Add {len(picked)} to the shortlist",
            disabled=not picked,
            on_click=add_to_shortlist,
            args=(picked,),
            key="add",
        )
        st.download_button(
            "Front as CSV",
            front_path(search.name).read_bytes,
            f"{search.name}.csv",
            "text/csv",
            on_click="ignore",
        )


def _of(done: float, all_: float) -> str:
    """Returns how far it is.

    >>> _of(0, 10), _of(3, 10), _of(0, 0)
    ('0 of 10', '3 of 10', 'not started')
    """
    return f"{done:.0f} of {all_:.0f}" if all_ else "not started"


def _pace(search: Search) -> str:
    last = search.progress[-1] if search.progress else {}
    seconds = last.get("seconds", 0.0)
    return f"{search.evaluated / seconds:,.2f}" if seconds else "-"
