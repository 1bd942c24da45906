"""Explore: the front of a table under budgets, the table beside it, the shortlist."""

import streamlit as st

from app.explore.adding import add_picks, forget_if_empty, lassoed_rows
from app.explore.axes import Axes
from app.explore.best import counts, first_sentence
from app.explore.controls import Choice, choose
from app.explore.details import choose_lines, neighbours, parallel, where_from
from app.explore.every_device import every_device
from app.explore.figure import Layers, front_figure
from app.explore.filters import all_axes, filter_words, rows_kept, say_filters
from app.explore.hue import hue_of
from app.explore.marks import reference_marks, shortlist_marks
from app.explore.why import why
from app.shared.cards import sources
from app.shared.frame import HYPERVOLUME, PICKING, hypervolume_text, metrics, run_page
from app.shared.front import MOST_SHOWN, Front, front_data, subspace_fronts, subspace_levels
from app.shared.rows import rows_csv, rows_frame
from app.shared.state import shortlist
from evonas.figures.fronts import spans_a_decade
from evonas.objectives import load_objective
from evonas.space import load_space
from evonas.space.costs import COSTS
from evonas.space.memory import MEMORY

_FRONT, _ALL = "Front", "All"


def page() -> None:
    """Draws the page."""
    st.title("Explore")
    choice = choose()
    if choice is None:
        return
    axes = all_axes(choice)
    views, below = st.container(), st.container()
    with below:  # before the views, which its ranges filter
        lines = choose_lines(choice, axes)
    kept = rows_kept(choice, axes, lines.ranges)
    data = front_data(choice.table, choice.space, choice.x, choice.y, choice.budgets, kept)
    with views:
        say_filters(filter_words(choice, axes, lines.ranges))
        front_views(choice, data)
        why(choice, data, kept)
    with below:
        parallel(choice, data, lines)
    where_from(choice)


def front_views(choice: Choice, data: Front) -> None:
    """Draws the front: in a sentence, as a picture, as a table; and what is picked of it."""
    first_sentence(choice, data)
    every_device(choice)
    figures(data)
    picture = st.container()
    ticked = front_table(choice, data)  # before the picture, which rings what is ticked
    with picture:
        lassoed = chart(choice, data, ticked)
    picks = add_picks(choice, data, [*lassoed, *ticked])
    with st.container(horizontal=True):
        downloads(choice, data)
    if len(picks.rows) == 1:
        neighbours(choice, picks.rows[0])


def figures(data: Front) -> None:
    """Draws the numbers above the picture."""
    metrics(
        {
            "on the front": f"{len(data.front)}",
            "within budget": f"{len(data.within):,} of {len(data.values):,}",
            "hypervolume": hypervolume_text(data.hypervolume),
        },
        hypervolume=HYPERVOLUME,
    )


def chart(choice: Choice, data: Front, ticked: list[int]) -> list[int]:
    """Draws the picture and returns the rows picked in it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        axes = chosen_axes(choice)
        layers = chosen_layers(choice, data, ticked)
        picking = st.toggle(
            "Pick in the picture",
            key="pick",
            help="On a touch screen a finger scrolls the page until this is on.",
        )
    with st.container(key=PICKING if picking else None):
        event = st.plotly_chart(
            front_figure(data, layers, axes),
            key="front",
            on_select=forget_if_empty,
            selection_mode=("points", "lasso", "box"),
            width="stretch",
            config={"displaylogo": False},
            alt=f"{choice.y} over {choice.x}: {len(data.front)} networks on the front of "
            f"{len(data.within)} within the budgets. The table below lists the front.",
        )
    counts(data, len(data.dominated) + len(data.front), MOST_SHOWN)
    return lassoed_rows(event, choice, len(data.values))


def chosen_axes(choice: Choice) -> Axes:
    """Draws how far and how the axes reach, and returns it."""
    view = st.segmented_control(
        "View",
        [_FRONT, _ALL],
        default=_FRONT,
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    log = []
    for name, word in ((choice.x, "Log horizontal"), (choice.y, "Log vertical")):
        low, high = choice.ranges[name]
        usual, key = spans_a_decade(low, high), f"log:{name}"
        log.append(low > 0 and st.checkbox(word, usual, key=key, bind="query-params"))
    return Axes((log[0], log[1]), view != _ALL)


def chosen_layers(choice: Choice, data: Front, ticked: list[int]) -> Layers:
    """Draws the toggles and returns what they ask for."""
    table, space, x, y = choice.table, choice.space, choice.x, choice.y
    dominated = st.checkbox("Dominated", True, key="dominated", bind="query-params")
    outside = st.checkbox("Over budget", True, key="outside", bind="query-params")
    overlaid = st.checkbox(
        "Fronts of sub-spaces",
        key="subspaces",
        bind="query-params",
        help="ibn: inverted bottlenecks only; ibn+fused: fused ones too; tdb: Tucker "
        "convolutions too, the whole space.",
    )
    references = reference_marks(table, space, x, y)
    if references and not st.checkbox(
        "Published networks", True, key="published", bind="query-params"
    ):
        references = []
    fronts = None
    if overlaid:
        levels = subspace_levels(load_space(space), table.genotypes(space))
        fronts = subspace_fronts(data, levels)
    colour = choice.colour
    hue = hue_of(colour, table.column(colour, space), data.within) if colour else None
    return Layers(
        dominated,
        outside,
        hue,
        fronts,
        shortlist_marks(table, space, x, y, shortlist()),
        references,
        sources(table, space),
        ticked,
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
                format="compact" if name in (*COSTS, *MEMORY) else "%.4g",
                help=load_objective(name).unit,
            )
            for name in choice.objectives
        },
    )
    return [int(rows[i]) for i in ticked["selection"]["rows"] if i < len(rows)]


def downloads(choice: Choice, data: Front) -> None:
    """Draws the buttons that take the front away."""
    table, space = choice.table, choice.space
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
