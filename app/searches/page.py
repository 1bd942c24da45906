"""Searches: start some, watch them live, lay them over each other."""

import streamlit as st

from app.searches.detail import buttons, detail
from app.searches.folder import Search, list_searches, load_all
from app.searches.form import search_form
from app.searches.selection import MOST_SELECTED, select, selected
from app.searches.study import (
    EVALUATIONS,
    SECONDS,
    common_objectives,
    curves,
    fronts,
    same_question,
    search_rows,
)
from app.shared.choice import addressed_choice, follow_address, to_address
from app.shared.frame import HYPERVOLUME, live, picture, run_page
from app.shared.runs import ALIVE
from app.shared.settings import as_text, read_only
from evonas.figures.curves import curves_figure
from evonas.figures.fronts import fronts_figure

_REFRESH = 2.0  # seconds
_OVER = ("evaluations", "time")


def page() -> None:
    """Draws the page."""
    st.title("Searches")
    names = list_searches()
    if read_only():
        st.info("Read-only: searches are shown, none can be started.")
    else:
        with st.expander("Start searches", expanded=not names):
            search_form()
    if not names:
        st.info(
            "No search yet: start one above, or with `evonas search`. It continues when this page "
            "is closed."
        )
        return
    alive = any(search.state in ALIVE for search in load_all())
    live(study, _REFRESH if alive else None)(alive)


def study(was_alive: bool) -> None:
    """Draws the list and what is chosen in it; while one runs, again and again."""
    searches = load_all()
    if any(search.state in ALIVE for search in searches) != was_alive:
        st.rerun()
    if not searches:
        st.rerun()
    chosen = listing(searches)
    buttons(searches, chosen)
    if not chosen:
        st.caption("Choose searches to lay their curves and fronts over each other.")
        return
    if len(chosen) == 1:
        detail(chosen[0])
    growth(chosen)
    their_fronts(chosen)


def listing(searches: list[Search]) -> list[Search]:
    """Draws the list of all searches and the choice among them; returns those chosen."""
    names = [search.name for search in searches]
    st.dataframe(
        search_rows(searches),
        hide_index=True,
        height=38 + 35 * min(len(names), 8),
        column_config={
            "hypervolume": st.column_config.NumberColumn(format="%.4f", help=HYPERVOLUME),
            "evaluations": st.column_config.NumberColumn(help="Networks evaluated so far."),
            "of": st.column_config.NumberColumn(help="Networks that it may evaluate."),
            "started": st.column_config.DatetimeColumn(format="distance"),
            "question": st.column_config.TextColumn(width="large"),
        },
        alt=f"{len(names)} searches",
    )
    # The address rules, also after Back. The choice is no tick in the list: a grid that a live
    # page draws anew forgets ticks, and takes those that it is given a moment late.
    chosen = selected(names, same_question(searches, searches[0]))
    if st.session_state.get("chosen") != chosen:
        st.session_state["chosen"] = chosen
    st.multiselect(
        "Searches to look at",
        names,
        key="chosen",
        max_selections=MOST_SELECTED,
        on_change=lambda: select(st.session_state["chosen"]),
        help="One is shown in full; the curves and fronts of several are laid over each other.",
    )
    return [search for search in searches if search.name in chosen]


def growth(chosen: list[Search]) -> None:
    """Draws the hypervolumes over evaluations or time."""
    st.subheader("Hypervolume", help=HYPERVOLUME)
    follow_address("over", _OVER)
    over = st.segmented_control(
        "over",
        _OVER,
        required=True,
        key="over",
        on_change=to_address,
        args=("over",),
        label_visibility="collapsed",
    )
    questions = list(dict.fromkeys(search.asked.question for search in chosen if search.asked))
    st.caption(as_text(". ".join(questions)))
    column = SECONDS if over == "time" else EVALUATIONS
    found = curves(chosen, column)
    if not found:
        st.caption("No generation is done yet.")
        return
    best = max(found, key=lambda curve: curve.values[-1])
    title = "seconds since its start" if column == SECONDS else "networks evaluated"
    picture(
        curves_figure(found, title, "hypervolume (higher is better)"),
        "growth",
        f"Normalised hypervolume of {len(found)} searches over {title}; the highest at the end is "
        f"{best.values[-1]:.4f}, of {best.name}",
    )
    words = []
    if len({curve.group for curve in found}) < len(found):
        words.append(
            "Of several seeds, the line is their median and the area their quartiles, as far as "
            "all of them have come."
        )
    if len(questions) > 1:
        words.append("They ask different questions: each hypervolume is a share of its own box.")
    if len({search.asked.scored_by for search in chosen if search.asked}) > 1:
        words.append("Different scorers give different APs: compare curves of one scorer.")
    st.caption(" ".join(words))


def their_fronts(chosen: list[Search]) -> None:
    """Draws the fronts over each other."""
    st.subheader("Fronts")
    objectives = common_objectives(chosen)
    if len(objectives) < 2:
        st.caption("These searches have no two objectives in common.")
        return
    by_name = {objective.name: objective for objective in objectives}
    axes = objectives[1], objectives[0]
    if len(objectives) > 2:
        names = list(by_name)
        left, right = st.columns(2)
        with left:
            y = addressed_choice("Vertical axis", names, "vertical")
        with right:
            others = [name for name in names if name != y]
            x = addressed_choice("Horizontal axis", others, "horizontal")
        axes = by_name[x], by_name[y]
    found = fronts(chosen, axes)
    if not found:
        st.caption("No front yet: it is written when the first generation is done.")
        return
    n = sum(len(front.points) for front in found)
    picture(
        fronts_figure(found, axes),
        "fronts",
        f"{n} networks on the fronts of {len(found)} searches: {axes[1].name} over {axes[0].name}",
    )
    late = [as_text(s.name) for s in chosen if s.state in ALIVE]
    if late:
        st.caption(f"Still growing, drawn as they are now: {', '.join(late)}.")


run_page(page)
