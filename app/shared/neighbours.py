"""Networks near a network: in a table, and one gene away."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.shared.columns import Columns
from app.shared.designs import computed
from evonas.space import Genotypes, Op, SearchSpace

# A table's column of what differs: wide enough to be read, beyond the window if need be.
WHOLE = st.column_config.TextColumn(width="large")


def nearest_rows(
    table: Columns, space: SearchSpace, genotype: Genotypes, count: int
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Returns the rows of the table that differ in the fewest genes, and in how many.

    Args:
        table: The table.
        space: Space of the genotype and the rows.
        genotype: (n_genes,) canonical; a row equal to it is left out.
        count: How many rows at most.
    """
    differing = (table.genotypes(space.name) != genotype).sum(axis=1)
    others = np.flatnonzero(differing > 0)
    nearest = others[np.argsort(differing[others], kind="stable")[:count]]
    return nearest, differing[nearest]


def differing_genes(space: SearchSpace, one: Genotypes, other: Genotypes) -> list[str]:
    """Returns what differs between two genotypes, (n_genes,), as `gene: choice -> choice`."""
    return [
        f"{slot.name}: {choice_name(slot.choices[a])} -> {choice_name(slot.choices[b])}"
        for slot, a, b in zip(space.genes, one, other, strict=True)
        if a != b
    ]


def choice_name(choice: int | Op | None) -> str:
    """Returns a gene's choice in words."""
    return choice.name if isinstance(choice, Op) else "skipped" if choice is None else f"{choice}"


@dataclass(frozen=True, slots=True, eq=False)
class OneGene:
    """All networks that differ from one network in one gene, itself among them.

    Attributes:
        genotypes: (k, n_genes) canonical.
        choices: (k,) the gene's choices in words.
        columns: By name (k,) costs, needs of memory and `latency:DEVICE` of every predictor.
        current: Index of the network itself.
    """

    genotypes: Genotypes
    choices: list[str]
    columns: dict[str, NDArray[np.float64]]
    current: int


def one_gene(space: SearchSpace, genotype: Genotypes, gene: int) -> OneGene:
    """Returns every choice of one gene, with costs and predicted latencies."""
    slot = space.genes[gene]
    varied = np.repeat(genotype[None], len(slot.choices), axis=0)
    varied[:, gene] = np.arange(len(slot.choices))
    canonical = space.canonical(varied)
    names = [choice_name(choice) for choice in slot.choices]
    return OneGene(canonical, names, computed(space, canonical), int(genotype[gene]))
