"""Architecture: one design in full, from its identifier alone."""

from dataclasses import asdict

import numpy as np
import streamlit as st

from app.sources import find_tables, load_table
from app.state import add_to_shortlist, shortlist
from evonas.cli.strip import strip_figure
from evonas.errors import EvonasError
from evonas.latency import list_devices, list_predictors, load_predictor
from evonas.space import Genotypes, SearchSpace, list_published, load_published, load_space
from evonas.space.costs import madds, params
from evonas.space.layers import layer_rows
from evonas.space.published import PUBLISHED

st.title("Architecture")


def find(identifier: str) -> tuple[SearchSpace, Genotypes]:
    """Returns the space and genotype of an `arch_id` or a published network's name.

    Raises:
        EvonasError: It is neither.
    """
    if identifier in list_published():
        space = load_space(PUBLISHED[identifier].space)
        return space, space.encode(load_published(identifier))
    space = load_space(identifier.partition(":")[0])
    return space, space.genotypes([identifier])[0]


def page() -> None:
    """Draws the page."""
    identifier = st.text_input(
        "arch_id or published network",
        next(iter(shortlist()), "mobiledet-edgetpu"),
        key="arch",
        bind="query-params",
        max_chars=80,
        help=f"For example {', '.join(list_published())}, or an arch_id of the Explore page.",
    ).strip()
    space, genotype = find(identifier)
    architecture = space.decode(genotype)
    [arch_id] = space.arch_ids(genotype[None])
    first, second, third = st.columns([2, 1, 1])
    first.code(arch_id)
    second.metric("multiply-adds (analytic)", f"{madds(architecture) / 1e6:.1f} M")
    third.metric("parameters (analytic)", f"{params(architecture) / 1e6:.3f} M")
    if space.name.startswith(("nano", "pico")):
        st.button("Add to the shortlist", on_click=add_to_shortlist, args=([arch_id],))

    rows = layer_rows(architecture)
    st.plotly_chart(strip_figure(rows), width="stretch", key="strip")
    st.caption("Each bar is a layer: as high as its output map, as wide as its output channels.")
    st.subheader("Latency")
    predicted = latencies(space, genotype)
    if predicted:
        st.dataframe(predicted, hide_index=True)
    else:
        st.info(f"No device has a predictor for {space.name} yet: see `evonas device list`.")
    scores(space, genotype)
    st.subheader("Layers")
    st.dataframe([asdict(row) for row in rows], hide_index=True)
    st.subheader("On the command line")
    st.code(f"evonas arch show {arch_id}")


def latencies(space: SearchSpace, genotype: Genotypes) -> list[dict[str, object]]:
    """Returns latencies by device, with their kind of source."""
    analytic = {device.name for device in list_devices() if device.source == "analytic"}
    return [
        {
            "device": device,
            "ms": float(load_predictor(device, space).predict(genotype[None])[0]),
            "source": "analytic" if device in analytic else "predicted",
        }
        for device in list_predictors(space)
    ]


def scores(space: SearchSpace, genotype: Genotypes) -> None:
    """Draws what the tables know of the network."""
    known = []
    for name, path in find_tables().items():
        table = load_table(path)
        if space.name not in table.spaces:
            continue
        found = table.lookup(genotype[None], table.columns(space), space)
        sources = {c["name"]: c["source"] for c in table.info()["columns"]}
        known += [
            {"table": name, "column": column, "value": float(value[0]), "source": sources[column]}
            for column, value in found.items()
            if np.isfinite(value[0])
        ]
    if known:
        st.subheader("In the tables")
        st.dataframe(known, hide_index=True)


try:
    page()
except EvonasError as error:
    st.error(str(error))
