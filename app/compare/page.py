"""Compare: two to six designs of the shortlist side by side; notes; the shortlist to take away."""

import json

import streamlit as st

from app.compare.comparing import (
    MOST,
    differences,
    normalised,
    normalised_figure,
    objective_values,
    show_value,
)
from app.shared.frame import picture, readable_tables, run_page
from app.shared.shortlist import LONGEST_NOTE, is_arch_id
from app.shared.state import keep_shortlist, shortlist
from app.shared.trainings import trained_maps
from evonas.figures.architecture import strip_figure
from evonas.space import Design, resolve
from evonas.space.layers import layer_rows


def page() -> None:
    """Draws the page."""
    st.title("Compare")
    linked = [a for a in st.query_params.get("archs", "").split(",") if is_arch_id(a)]
    options = list(dict.fromkeys([*linked, *shortlist()]))
    if len(options) < 2:
        st.info(
            "Put two networks on the shortlist to compare them: lasso points or tick rows of "
            "Explore."
        )
    else:
        chosen = st.multiselect(
            "Designs",
            options,
            default=linked[:MOST] or options[:2],
            max_selections=MOST,
            help=f"Two to {MOST} designs of the shortlist.",
        )
        st.query_params["archs"] = ",".join(chosen)
        if len(chosen) < 2:
            st.info("Choose at least two designs.")
        else:
            compare([resolve(arch_id) for arch_id in chosen])
    if shortlist():
        notes()


def compare(designs: list[Design]) -> None:
    """Draws the designs side by side."""
    arch_ids = [design.arch_id or design.name for design in designs]
    values = objective_values(designs, readable_tables(), trained_maps())
    st.subheader("Objectives")
    picture(
        normalised_figure(normalised(values), arch_ids),
        "normalised",
        "Each design's objectives as a share of the best of these; the table has the values.",
    )
    st.dataframe(
        [
            {"objective": name, **{a: show_value(name, v) for a, v in by_design.items()}}
            for name, by_design in values.items()
        ],
        hide_index=True,
        placeholder="",
    )
    st.caption(
        "Costs are counted, latencies predicted; accuracies are the tables' (`map` from a "
        "supernet, `trained_map` from a network trained by itself). What was trained here says "
        "on which data, for how many steps and with which seed."
    )
    if not any(name.startswith("trained_map") for name in values):
        st.caption("None of these has been trained yet, so only predictions are shown.")
    st.subheader("Block by block")
    rows = differences(designs)
    if st.toggle("Only what differs", True, key="only different"):
        rows = [row for row in rows if row["differs"]]
    st.dataframe(rows, hide_index=True)
    for arch_id, design in zip(arch_ids, designs, strict=True):
        figure = strip_figure(layer_rows(design.architecture))
        figure.update_layout(
            height=240, yaxis_title="map (px)", title={"text": arch_id, "font": {"size": 13}}
        )
        figure.update_layout(margin={"t": 60})
        picture(figure, f"strip {arch_id}", f"The layers of {arch_id}")


def notes() -> None:
    """Draws the shortlist with its notes, to be changed and taken away."""
    entries = shortlist()
    st.subheader("Shortlist")
    rows = [{"keep": True, "arch_id": a, "note": note} for a, note in entries.items()]
    edited = st.data_editor(
        rows,
        key=f"notes {hash(tuple(entries))}",
        hide_index=True,
        disabled=["arch_id"],
        column_config={
            "note": st.column_config.TextColumn(max_chars=LONGEST_NOTE, width="large"),
        },
    )
    kept = {str(row["arch_id"]): str(row["note"] or "") for row in edited if row["keep"]}
    if kept != entries:
        keep_shortlist({a: note for a, note in kept.items() if a in entries})
        st.rerun()
    st.download_button(
        "Shortlist as JSON",
        json.dumps(dict(entries), indent=1),
        "shortlist.json",
        "application/json",
        on_click="ignore",
    )


run_page(page)
