"""Explore, further down: neighbours of a pick, parallel coordinates, where numbers come from."""

import streamlit as st

from app.explore.controls import Choice
from app.explore.parallel import parallel_data, parallel_figure
from app.shared.cards import column_cards
from app.shared.frame import architecture_link, picture
from app.shared.front import Front
from app.shared.neighbours import differing_genes, nearest_rows
from app.shared.rows import rows_frame
from evonas.space import load_space


def neighbours(choice: Choice, row: int) -> None:
    """Draws the rows nearest to a picked one."""
    space, table = load_space(choice.space), choice.table
    genotypes = table.genotypes(space)
    st.subheader("Neighbours of the picked network")
    architecture_link(space.arch_ids(genotypes[[row]])[0])
    nearest, distance = nearest_rows(table, space, genotypes[row], 8)
    frame = rows_frame(table, choice.space, nearest, [choice.y, choice.x])
    frame["genes that differ"] = distance
    frame["what differs"] = [
        "; ".join(differing_genes(space, genotypes[row], genotypes[other])) for other in nearest
    ]
    st.dataframe(frame, hide_index=True)
    st.caption("The table's rows that differ from the picked network in the fewest genes.")


def parallel(choice: Choice, data: Front) -> None:
    """Draws all objectives at once."""
    if not st.toggle(
        "Parallel coordinates",
        key="parallel",
        help="One line per network over one axis per objective.",
    ):
        return
    if not len(data.within):
        return
    lines = parallel_data(choice.table, choice.space, data, choice.objectives)
    picture(
        parallel_figure(lines),
        "lines",
        f"{len(lines.on_front)} networks as lines over {len(choice.objectives)} objectives",
    )
    st.caption(
        f"Up is better on every axis; the front is blue. {len(lines.on_front):,} of "
        f"{lines.n_within:,} within budget drawn; the budgets at the side are the filter."
    )


def where_from(choice: Choice) -> None:
    """Draws source and error of every column."""
    with st.expander("Where these numbers come from"):
        st.dataframe(column_cards(choice.table, choice.space), hide_index=True)
        st.caption(
            "AP is on the data set named here, by the supernet named here; on digits scenes it "
            "is not COCO mAP."
        )
