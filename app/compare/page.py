"""Compare: two to six designs of the shortlist side by side; notes; the shortlist to take away."""

import json

import streamlit as st

from app.compare.comparing import (
    MOST,
    comparable,
    differences,
    is_trained_here,
    normalised,
    normalised_figure,
    objective_values,
    show_value,
)
from app.shared.address import say_doubles, say_left_out
from app.shared.frame import picture, readable_tables, run_page
from app.shared.shortlist import LONGEST_NOTE, is_arch_id
from app.shared.state import keep_shortlist, shortlist
from app.shared.trainings import trained_maps
from evonas.figures.architecture import strip_figure, strip_scale
from evonas.space import Design, resolve
from evonas.space.layers import layer_rows

_KEY, _IN_ADDRESS = "archs", "archs in the address"


def page() -> None:
    """Draws the page."""
    st.title("Compare")
    listed = shortlist()
    linked = linked_designs()
    options = list(dict.fromkeys([*linked, *st.session_state.get(_KEY, []), *listed]))
    if len(options) < 2:
        st.info(
            "Put two networks on the shortlist to compare them: lasso points or tick rows of "
            "Explore."
        )
    else:
        chosen = choose_designs(options, linked)
        if len(chosen) < 2:
            st.info("Choose at least two designs.")
        else:
            compare([resolve(arch_id) for arch_id in chosen])
    if listed:
        notes()


def linked_designs() -> list[str]:
    """Returns the designs that the address names, each once; says what of it is left out."""
    given = [text for text in st.query_params.get(_KEY, "").split(",") if text]
    known = [text for text in given if is_arch_id(text)]
    say_left_out(text for text in given if text not in known)
    say_doubles(known)
    linked = list(dict.fromkeys(known))
    if len(linked) > MOST:
        st.warning(f"The address names {len(linked)} designs; the first {MOST} are compared.")
    return linked[:MOST]


def choose_designs(options: list[str], linked: list[str]) -> list[str]:
    """Draws which designs are compared; the address always names them."""
    address = st.query_params.get(_KEY, "")
    if linked and address != st.session_state.get(_IN_ADDRESS):
        st.session_state[_KEY] = linked  # a link, Back or Forward
    elif _KEY not in st.session_state:
        st.session_state[_KEY] = options[:2]
    chosen: list[str] = st.multiselect(
        "Designs",
        options,
        max_selections=MOST,
        key=_KEY,
        help=f"Two to {MOST} designs of the shortlist.",
    )
    named = ",".join(chosen)
    if named != address:
        st.query_params[_KEY] = named
    st.session_state[_IN_ADDRESS] = named
    return chosen


def compare(designs: list[Design]) -> None:
    """Draws the designs side by side."""
    arch_ids = [design.arch_id or design.name for design in designs]
    values = objective_values(designs, readable_tables(), trained_maps())
    trained = any(is_trained_here(name) for name in values)
    st.subheader("Objectives")
    picture(
        normalised_figure(normalised(comparable(values)), arch_ids),
        "normalised",
        "Each design's objectives as a share of the best of these; the table has the values.",
    )
    st.dataframe(
        [
            {
                "objective": name,
                **{a: show_value(name, by_design[a]) if a in by_design else "-" for a in arch_ids},
            }
            for name, by_design in values.items()
        ],
        hide_index=True,
        placeholder="",
        height="content",
        column_config={
            "objective": st.column_config.TextColumn(width=340 if trained else "medium"),
            **{arch_id: st.column_config.TextColumn(width=155) for arch_id in arch_ids},
        },
    )
    st.caption(
        "Costs are counted, latencies predicted; accuracies are the tables' (`map` from a "
        "supernet, which ranks networks; `trained_map` from each network trained by itself). What "
        "was trained here says on which data, for how many steps, with which seed and protocol; it "
        "stands beside the tables' values, and only in the table. The picture leaves out what only "
        "one of the designs has."
    )
    if not any(name.startswith("trained_map") for name in values):
        st.caption("None of these has been trained yet, so only predictions are shown.")
    st.subheader("Block by block")
    rows = differences(designs)
    if st.toggle("Only what differs", True, key="only different"):
        rows = [row for row in rows if row["differs"]]
    st.dataframe(rows, hide_index=True, height="content")
    st.subheader("Layers, to one scale")
    layers = [layer_rows(design.architecture) for design in designs]
    scale = strip_scale(layers)
    for arch_id, rows_of in zip(arch_ids, layers, strict=True):
        figure = strip_figure(rows_of, scale)
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
