"""Explore, further down: neighbours of a pick, parallel coordinates, where numbers come from."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from app.explore.controls import Choice
from app.explore.filters import Axis, Range, default_axes, range_sliders
from app.explore.parallel import AXIS_WIDTH, parallel_data, parallel_figure
from app.shared.address import check_address, check_names
from app.shared.cards import column_cards
from app.shared.frame import architecture_link, wide_picture
from app.shared.front import Front
from app.shared.neighbours import WHOLE, differing_genes, nearest_rows
from app.shared.rows import rows_frame
from evonas.space import load_space


def neighbours(choice: Choice, row: int) -> None:
    """Draws the rows nearest to a picked one."""
    space, table = load_space(choice.space), choice.table
    genotypes = table.genotypes(choice.space)
    st.subheader("Neighbours of the picked network")
    architecture_link(space.arch_ids(genotypes[[row]])[0])
    nearest, distance = nearest_rows(table, space, genotypes[row], 8)
    frame = rows_frame(table, choice.space, nearest, [choice.y, choice.x])
    frame["genes that differ"] = distance
    frame["what differs"] = [
        "; ".join(differing_genes(space, genotypes[row], genotypes[other])) for other in nearest
    ]
    st.dataframe(frame, hide_index=True, column_config={"what differs": WHOLE})
    st.caption("The table's rows that differ from the picked network in the fewest genes.")


@dataclass(frozen=True, slots=True)
class Lines:
    """What the parallel coordinates ask for.

    Attributes:
        axes: Those chosen; none if they are not shown.
        ranges: Ends by an axis's words, where they leave something out.
    """

    axes: list[Axis]
    ranges: dict[str, Range]


def choose_lines(choice: Choice, axes: Mapping[str, Axis]) -> Lines:
    """Draws which axes there are and their ranges; before the views, which these filter."""
    check_names("range:", axes)
    st.subheader("All at once", anchor="parallel")
    if not st.toggle(
        "Parallel coordinates",
        key="parallel",
        bind="query-params",
        help="One line per network over axes of your choice: objectives and genes.",
    ):
        return Lines([], {})
    check_address("axes", axes)
    names = st.multiselect(
        "Axes",
        list(axes),
        default_axes(choice, load_space(choice.space)),
        key="axes",
        bind="query-params",
    )
    chosen = [axes[name] for name in names]
    with st.expander("Ranges: these filter every view of this page", expanded=True):
        ranges = range_sliders(chosen)
    return Lines(chosen, ranges)


def parallel(choice: Choice, data: Front, lines: Lines) -> None:
    """Draws the chosen axes at once."""
    if len(lines.axes) < 2 or not len(data.within):
        if lines.axes:
            st.info("Choose two axes, and leave some networks within budgets and ranges.")
        return
    drawn = parallel_data(choice.table, choice.space, data, lines.axes)
    wide_picture(
        parallel_figure(drawn),
        "lines",
        f"{len(drawn.on_front)} networks as lines over {len(lines.axes)} axes",
        AXIS_WIDTH * len(lines.axes),
    )
    st.caption(
        f"Up is better on every objective; the front is blue. {len(drawn.on_front):,} of "
        f"{drawn.n_within:,} within budgets and filters drawn."
    )


def where_from(choice: Choice) -> None:
    """Draws source and error of every column."""
    with st.expander("Where these numbers come from"):
        st.dataframe(column_cards(choice.table, choice.space), hide_index=True)
        st.caption(
            "AP is on the data set named here, by the supernet named here; on digits scenes it "
            "is not COCO mAP."
        )
