"""Architecture, further down: one gene changed, what tables know, who stands near."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from app.shared.cards import sources
from app.shared.frame import architecture_link
from app.shared.front import objectives_of
from app.shared.neighbours import WHOLE, differing_genes, nearest_rows, one_gene
from app.shared.rows import rows_frame
from app.shared.settings import as_text
from evonas.space import Genotypes, SearchSpace
from evonas.table import BenchmarkTable

Tables = Mapping[str, BenchmarkTable]


def gene_changes(space: SearchSpace, genotype: Genotypes, tables: Tables) -> None:
    """Draws what each choice of one gene would do."""
    st.subheader("Change one gene")
    name = st.selectbox(
        "Gene",
        space.gene_names,
        key="gene",
        bind="query-params",
        help="stem.width is the stem's channels, b2.width those of block 2, b2.l1.op the "
        "operation of its first layer.",
    )
    changed = one_gene(space, genotype, space.gene_names.index(name))
    frame: dict[str, object] = {
        "choice": [
            f"{choice} (this one)" if i == changed.current else choice
            for i, choice in enumerate(changed.choices)
        ]
    }
    for column, values in changed.columns.items():
        frame[_short(column)] = 100 * (values / values[changed.current] - 1)
    for table_name, table in tables.items():
        for column in objectives_of(table, space.name):
            if column not in changed.columns:
                known = table.lookup(changed.genotypes, [column], space)[column]
                if np.isfinite(known).any():
                    frame[f"{column} ({table_name})"] = known
    arch_ids = space.arch_ids(changed.genotypes)
    frame["arch_id"] = arch_ids
    relative = st.column_config.NumberColumn(format="%+.1f %%")
    ticked = st.dataframe(
        frame,
        key="gene rows",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        placeholder="",
        column_config={_short(name): relative for name in changed.columns},
    )
    st.caption(
        "Costs and latencies computed again and compared with this design; accuracies where a "
        "table has them. Tick a row to go there."
    )
    for row in ticked["selection"]["rows"]:
        if row < len(arch_ids):
            architecture_link(arch_ids[row])


def scores(space: SearchSpace, genotype: Genotypes, tables: Tables) -> None:
    """Draws what the tables know of the network."""
    known = []
    for name, table in tables.items():
        found = table.lookup(genotype[None], table.columns(space), space)
        source = sources(table, space.name)
        known += [
            {"table": name, "column": column, "value": float(value[0]), "source": source[column]}
            for column, value in found.items()
            if np.isfinite(value[0])
        ]
    st.subheader("In the tables")
    if known:
        st.dataframe(known, hide_index=True)
    else:
        st.info("No table here has this network yet; a search that meets it will add it.")


def neighbours(space: SearchSpace, genotype: Genotypes, tables: Tables) -> None:
    """Draws the nearest rows of the first table that has the space."""
    for name, table in list(tables.items())[:1]:
        rows, distance = nearest_rows(table, space, genotype, 6)
        columns = objectives_of(table, space.name)[:4]
        frame = rows_frame(table, space.name, rows, columns)
        genotypes = table.genotypes(space)
        frame["genes that differ"] = distance
        frame["what differs"] = [
            "; ".join(differing_genes(space, genotype, genotypes[row])) for row in rows
        ]
        st.subheader(f"Nearest in {as_text(name)}")
        ticked = st.dataframe(
            frame,
            hide_index=True,
            key="near",
            on_select="rerun",
            selection_mode="single-row",
            column_config={"what differs": WHOLE},
        )
        for row in ticked["selection"]["rows"]:
            if row < len(rows):
                architecture_link(space.arch_ids(genotypes[rows])[row])


def _short(column: str) -> str:
    return column.removeprefix("latency:")
