"""Searches: start one, watch it live, stop it, go on with it."""

import streamlit as st

from app.searches.figure import course, course_figure
from app.searches.form import search_form
from app.searches.processes import Search, list_searches, load, read_front, resume, stop
from app.shared.frame import (
    attempt,
    compact,
    linked_choice,
    live,
    metrics,
    picture,
    run_page,
    time_left,
)
from app.shared.settings import RUNS, read_only
from app.shared.state import add_to_shortlist


def page() -> None:
    """Draws the page."""
    st.title("Searches")
    names = list_searches()
    if read_only():
        st.info("Read-only: searches are shown, none can be started.")
    else:
        with st.expander("Start a search", expanded=not names):
            search_form()
    if not names:
        st.info(
            "No search yet: start one above, or with `evonas search`. It continues when this page "
            "is closed."
        )
        return
    chosen = linked_choice("Search", names, "search")
    running = load(chosen).state == "running"
    live(watch, 1.0 if running else None)(chosen, running)


def watch(name: str, was_running: bool) -> None:
    """Draws one search as it is now; while it runs, once a second."""
    search = load(name)
    if was_running and search.state != "running":
        st.rerun()
    data = course(search.progress)
    hypervolume = compact(data.hypervolume[-1]) if data.hypervolume else "-"
    metrics(
        {
            "state": search.state,
            "generation": f"{data.generation} of {data.generations}",
            "evaluated a second": f"{data.per_second:,.2f}",
            "hypervolume": hypervolume,
        }
    )
    if search.state == "running":
        share = data.generation / data.generations if data.generations else 0.0
        left = time_left(data.seconds_left) if data.generations else "starting"
        st.progress(min(share, 1.0), text=left)
    if data.hypervolume:
        picture(
            course_figure(data),
            "course",
            f"Hypervolume after each generation, now {hypervolume}",
        )
        st.caption(
            "The hypervolume is what the front dominates up to the reference point: where it "
            "stays flat, the search finds nothing better."
        )
    buttons(search)
    if search.state == "finished":
        front(search)
    if search.state == "failed":
        st.error("It ended early; the log says why. Resume continues from its table.")
    with st.expander("Log and settings", expanded=search.state == "failed"):
        st.code(search.log or "nothing yet", language=None, wrap_lines=True)
        st.json(search.settings(), expanded=False)


def front(search: Search) -> None:
    """Draws the front of a finished search."""
    rows = read_front(search.name)
    if not rows:
        return
    st.subheader("Its front")
    ticked = st.dataframe(
        rows, hide_index=True, key="found", on_select="rerun", selection_mode="multi-row"
    )
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
            (RUNS / search.name / "front.csv").read_bytes,
            f"{search.name}.csv",
            "text/csv",
            on_click="ignore",
        )


def buttons(search: Search) -> None:
    """Draws what can be done with a search."""
    with st.container(horizontal=True):
        if not read_only() and search.request is not None:
            if search.state == "running":
                st.button("Stop", on_click=attempt, args=(stop, search.name), key="stop")
            elif search.state in ("stopped", "failed"):
                st.button(
                    "Resume",
                    on_click=attempt,
                    args=(resume, search.name),
                    key="resume",
                    type="primary",
                )
        if (RUNS / search.name / "table").is_dir():
            st.page_link(
                "explore/page.py",
                label="See its front in Explore",
                query_params={"table": f"run {search.name}"},
            )


run_page(page)
