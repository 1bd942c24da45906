"""Architecture: one design in full, from its identifier alone."""

import json
from dataclasses import asdict
from typing import Any

import streamlit as st

from app.architecture.details import gene_changes, neighbours, scores
from app.architecture.downloads import device_downloads
from app.shared.frame import metrics, picture, readable_tables, run_page
from app.shared.settings import as_text
from app.shared.state import add_to_shortlist, shortlist
from evonas.describe import describe
from evonas.figures.architecture import shares_figure, strip_figure
from evonas.json_values import without_nan
from evonas.space import Design, list_baselines, list_published, resolve
from evonas.space.layers import layer_rows


def page() -> None:
    """Draws the page."""
    st.title("Architecture")
    named = [*list_published(), *list_baselines()]
    identifier = st.text_input(
        "arch_id or name of a network",
        "mobiledet-edgetpu",
        key="arch",
        bind="query-params",
        max_chars=80,
        help=f"An arch_id from Explore, or one of {', '.join(named)}.",
    ).strip()
    design = resolve(identifier)
    described = describe(design)
    header(design, described)
    rows = layer_rows(design.architecture)
    picture(
        strip_figure(rows),
        "strip",
        f"The {len(rows)} layers of {design.name}; the table of layers says the same.",
    )
    st.caption(
        "Each bar is a layer, to scale: as high as its output map, as wide as its output "
        "channels; colour and pattern show its kind."
    )
    latency(described)
    device_downloads(design)
    if design.space is not None and design.genotype is not None:
        tables = readable_tables(design.space.name)
        gene_changes(design.space, design.genotype, tables)
        scores(design.space, design.genotype, tables)
        neighbours(design.space, design.genotype, tables)
    with st.expander("Layers"):
        st.dataframe([asdict(row) for row in rows], hide_index=True)
    commands(design)


def header(design: Design, described: dict[str, Any]) -> None:
    """Draws identifier, costs and what can be done with the design."""
    st.code(design.arch_id or design.name, language=None, width="content", wrap_lines=True)
    skeleton = design.architecture.skeleton
    metrics(
        {
            "multiply-adds (counted)": f"{described['madds'] / 1e6:.1f} M",
            "parameters (counted)": f"{described['params'] / 1e6:.3f} M",
            "maps at once, int8": f"{described['peak_memory'] / 1e3:,.0f} kB",
            "weights, int8": f"{described['flash'] / 1e3:,.0f} kB",
            "image": f"{skeleton.image_size} x {skeleton.image_size}",
        }
    )
    with st.container(horizontal=True):
        if design.arch_id is not None:
            st.button(
                "On the shortlist" if design.arch_id in shortlist() else "Add to the shortlist",
                disabled=design.arch_id in shortlist(),
                on_click=add_to_shortlist,
                args=([design.arch_id],),
                type="primary",
                key="add",
            )
        st.download_button(
            "Everything as JSON",
            json.dumps(without_nan(described), indent=1),
            f"{design.name.replace(':', '-')}.json",
            "application/json",
            on_click="ignore",
        )


def latency(described: dict[str, Any]) -> None:
    """Draws latency by device, and the share of each block side by side."""
    st.subheader("Latency")
    entries = described["latency"]
    if not entries:
        st.info("No device has a predictor for this network's space: see `evonas device list`.")
        return
    st.dataframe(
        [
            {
                "device": device,
                "ms": entry["ms"],
                "source": entry["source"],
                "held-out networks within 5 %": entry.get("within_5"),
            }
            for device, entry in entries.items()
        ],
        hide_index=True,
        placeholder="",
        column_config={
            "ms": st.column_config.NumberColumn(format="%.3f"),
            "held-out networks within 5 %": st.column_config.NumberColumn(format="percent"),
        },
    )
    picture(
        shares_figure({d: entry["share"] for d, entry in entries.items() if entry["share"]}),
        "shares",
        "Share of the latency that each block takes, one bar per device.",
    )
    st.caption("Where the time goes: a bar is a device, its parts the blocks from first to last.")
    for device, entry in entries.items():
        if "reason" in entry:
            st.caption(f"{as_text(device)}: no latency: {entry['reason']}.")


def commands(design: Design) -> None:
    """Draws what to type to go on with the design elsewhere."""
    st.subheader("On the command line")
    name = design.arch_id or design.name
    run = f"runs/{name.replace(':', '-')}"
    lines = [f"evonas arch show {name}"]
    if design.arch_id is not None:
        lines += [
            f"evonas train {name} --data data/digits --out {run}",
            f"evonas export {run} --out {run}/export --format tflite",
        ]
    st.code("\n".join(lines), language="bash", wrap_lines=True)


run_page(page)
