"""Explore's why: what the front chooses where, what that buys, which genes decide."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.explore.controls import Choice
from app.shared.address import check_address
from app.shared.frame import picture, wide_picture
from app.shared.front import Front
from app.shared.settings import as_text, shown
from app.shared.tables import table_version
from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.figures.choices import (
    CELL_WIDTH,
    gains_figure,
    gene_label,
    importance_figure,
    shares_figure,
)
from evonas.objectives import load_objective
from evonas.space import Genotypes, load_space
from evonas.table import Importance, gene_importance, kind_gains, kind_shares, kinds_of
from evonas.table.choices import KINDS, SKIPPED, KindGains, KindShares

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_LAYER, _BLOCK = "By layer", "By block"
_MOST = 6  # columns of which importance is drawn at once
_NAMED = 3  # choices that the sentence names

Mask = NDArray[np.bool_] | None


def why(choice: Choice, data: Front, kept: Mask) -> None:
    """Draws it, if it is asked for.

    Args:
        choice: What the side asks for.
        data: The front.
        kept: (n,) rows that meet the filters; None for all.
    """
    st.subheader("Why are these the best?", anchor="why")
    if not st.toggle(
        "What the front chooses, and which genes decide",
        key="why",
        bind="query-params",
        help="Statistics over the rows of the table; importance takes some seconds the first time.",
    ):
        return
    _choices(choice, data, kept)
    _importance(choice, kept)


def _choices(choice: Choice, data: Front, kept: Mask) -> None:
    if not len(data.front):
        st.caption("No network meets the budgets: there is no front to ask.")
        return
    space = load_space(choice.space)
    kinds = kinds_of(space, choice.table.genotypes(choice.space))
    gains = None
    if data.y.maximise and not data.x.maximise:
        rows = slice(None) if kept is None else kept
        values = data.values[rows]
        try:
            gains = kind_gains(space, kinds[rows], values[:, 1], values[:, 0])
        except DataError as error:
            st.caption(shown(error))
    blocks = kind_shares(space, kinds, data.front, by_block=True)
    st.markdown(finding(blocks, gains, choice.x, data.y.unit))
    by = st.segmented_control(
        "Shares",
        [_LAYER, _BLOCK],
        default=_LAYER,
        required=True,
        key="by",
        bind="query-params",
        label_visibility="collapsed",
    )
    shares = kind_shares(space, kinds, data.front) if by == _LAYER else blocks
    st.markdown(f"**Choices on the front** of {as_text(choice.y)} over {as_text(choice.x)}")
    _heat(shares_figure(shares), "shares", _shares_words(shares), len(shares.positions))
    st.caption(
        f"Bold: share of the {shares.n_among} networks on the front; below it, of all "
        f"{shares.n_all:,} of the table. Blue is chosen more often than chance, orange less. "
        f"With {shares.n_among} networks a share is known to about "
        f"±{0.98 / np.sqrt(shares.n_among):.0%}."
    )
    if gains is None:
        return
    st.markdown(f"**What a choice buys at equal {as_text(choice.x)}**")
    drawn = gains_figure(gains, data.y.unit, choice.x)
    _heat(drawn, "gains", _gains_words(gains), len(gains.positions))
    st.caption(
        f"Mean {as_text(choice.y)} of the networks with that choice, above the average of all at "
        f"the same {as_text(choice.x)}, with its 95 % interval; fewer than five networks are left "
        "empty."
    )


def _heat(figure: "Figure", key: str, alt: str, n_positions: int) -> None:
    wide_picture(figure, key, alt, 120 + CELL_WIDTH * n_positions)


def finding(blocks: KindShares, gains: KindGains | None, price: str, unit: str) -> str:
    """Returns in words what the front chooses early and what buys most at an equal price."""
    more = np.nan_to_num(blocks.among[0] - blocks.all[0], nan=-1.0)
    kind = int(more.argmax())
    texts = [
        f"**{KINDS[kind]} in {blocks.positions[0]}**: {blocks.among[0, kind]:.0%} of the front, "
        f"{blocks.all[0, kind]:.0%} of the table."
    ]
    if gains is not None and np.isfinite(gains.mean).any():
        mean = gains.mean.copy()
        mean[:, KINDS.index(SKIPPED)] = np.nan
        order = np.argsort(-np.nan_to_num(mean, nan=-np.inf), axis=None)[:_NAMED]
        named = [
            f"{KINDS[k]} at {gains.positions[p]} {gains.mean[p, k]:+.3f} ± {gains.error[p, k]:.3f}"
            for p, k in zip(*np.unravel_index(order, mean.shape), strict=True)
        ]
        texts.append(f"At equal {as_text(price)} these buy most {unit}: {', '.join(named)}.")
    return " ".join(texts)


def _shares_words(shares: KindShares) -> str:
    parts = [
        f"{name}: {', '.join(f'{KINDS[k]} {row[k]:.0%}' for k in np.flatnonzero(row > 0))}"
        for name, row in zip(shares.positions, np.nan_to_num(shares.among), strict=True)
    ]
    return f"Shares of the kinds on the front. {'; '.join(parts)}."


def _gains_words(gains: KindGains) -> str:
    parts = [
        f"{name}: {', '.join(f'{KINDS[k]} {row[k]:+.3f}' for k in np.flatnonzero(row == row))}"
        for name, row in zip(gains.positions, gains.mean, strict=True)
    ]
    return f"What each kind buys. {'; '.join(parts)}."


def _importance(choice: Choice, kept: Mask) -> None:
    st.markdown("**Importance of each gene**")
    check_address("important", choice.objectives)
    chosen = st.multiselect(
        "For",
        choice.objectives,
        [choice.y, choice.x],
        max_selections=_MOST,
        key="important",
        bind="query-params",
    )
    found, words = [], []
    for name in chosen:
        try:
            found.append(importance_of(choice, name, kept))
        except DataError as error:
            words.append(shown(error))
    words += [
        f"{as_text(entry.column)}: R2 {entry.r2:.3f} ({entry.r2_low:.3f} to {entry.r2_high:.3f}), "
        f"{entry.n:,} networks"
        for entry in found
    ]
    if found:
        top = max(found[0].genes, key=lambda gene: gene.share)
        picture(
            importance_figure(found),
            "importance",
            f"Importance of {len(found[0].genes)} genes for {', '.join(chosen)}; the most "
            f"important one for {found[0].column} is {gene_label(top.gene)}.",
        )
    st.caption(
        "How much of the variance depends on a gene, alone or with others: a surrogate is fitted "
        "to the rows that meet the filters, and the gene's choices are permuted on rows that it "
        "has not seen. Lines span 90 % of folds and permutations. Surrogate, cross-validated: "
        + "; ".join(words)
        + "."
    )
    if found:
        with st.expander("Importance as a table"):
            st.dataframe(
                {
                    "gene": [gene_label(gene.gene) for gene in found[0].genes],
                    **{e.column: [gene.share for gene in e.genes] for e in found},
                },
                hide_index=True,
                column_config={
                    e.column: st.column_config.NumberColumn(format="percent") for e in found
                },
            )


def importance_of(choice: Choice, column: str, kept: Mask) -> Importance:
    """Returns the importance of the genes for a column, computed once per table and filter."""
    digest = "" if kept is None else hashlib.sha256(kept.tobytes()).hexdigest()
    provenance = str(sorted(choice.table.provenance(column, choice.space).items()))
    place, version = choice.table.path, table_version(choice.table.path)
    values = choice.table.column(column, choice.space)
    genotypes = choice.table.genotypes(choice.space)
    if kept is not None:
        values, genotypes = values[kept], genotypes[kept]
    return _cached(place, version, choice.space, column, provenance, digest, genotypes, values)


@st.cache_data(max_entries=64, show_spinner="Asking a surrogate which genes decide")
def _cached(
    path: Path,
    version: tuple[tuple[str, int, int], ...],
    space: str,
    column: str,
    provenance: str,
    digest: str,
    _genotypes: Genotypes,
    _values: Floats,
) -> Importance:
    load_objective(column)
    return gene_importance(load_space(space), _genotypes, _values, column)
