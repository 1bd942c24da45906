"""Sampling and variation that know the space, on genotype matrices; numpy only.

A width moves to a neighbouring width. An op changes one thing: its kind, its kernel, its
expansion or ratio, or it is skipped; the rest stays as near as the space allows. A skipped layer
becomes any op. In a sample of a space a network becomes one that is near.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evonas.space import Genotypes, Op, SearchSpace
from evonas.space.sampled import SampledSpace


def mutate(space: SearchSpace, genotypes: Genotypes, rng: np.random.Generator) -> Genotypes:
    """Returns canonical mutants, (n, n_genes): one gene on average moves, and at least one."""
    n, n_genes = genotypes.shape
    chosen = rng.random((n, n_genes)) < 1 / n_genes
    chosen[np.arange(n), rng.integers(n_genes, size=n)] |= ~chosen.any(axis=1)
    return _moved(space, genotypes, chosen, rng)


def vary(
    space: SearchSpace, genotypes: Genotypes, rng: np.random.Generator, rate: float
) -> Genotypes:
    """Returns canonical genotypes, (n, n_genes), of which `rate` genes on average moved."""
    chosen = rng.random(genotypes.shape) < rate / genotypes.shape[1]
    return _moved(space, genotypes, chosen, rng)


def _moved(
    space: SearchSpace,
    genotypes: Genotypes,
    chosen: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Genotypes:
    if isinstance(space, SampledSpace):
        moved = genotypes.copy()
        changed = chosen.any(axis=1)
        moved[changed] = space.stepped(genotypes[changed], rng)
        return moved
    rows, genes = np.nonzero(chosen)
    cumulative = move_tables(space)[genes, genotypes[rows, genes]]
    moved = genotypes.copy()
    moved[rows, genes] = (rng.random((len(rows), 1)) >= cumulative).sum(axis=1)
    return space.canonical(moved)


def cross(
    space: SearchSpace, mothers: Genotypes, fathers: Genotypes, rng: np.random.Generator
) -> tuple[Genotypes, Genotypes]:
    """Returns two canonical children a couple, each (n, n_genes); every gene comes from either."""
    swap = rng.random(mothers.shape) < 0.5
    return (
        space.canonical(np.where(swap, fathers, mothers)),
        space.canonical(np.where(swap, mothers, fathers)),
    )


@lru_cache
def move_tables(space: SearchSpace) -> NDArray[np.float64]:
    """Returns (n_genes, most, most): for a gene and its value, the cumulated chances of the next.

    `most` is the largest number of choices of a gene.
    """
    most = int(space.gene_sizes.max())
    chances = np.zeros((space.n_genes, most, most))
    for gene, slot in enumerate(space.genes):
        for value in range(len(slot.choices)):
            for move in moves(slot.choices, value):
                chances[gene, value, move] += 1 / len(move)
    # Rows beyond a gene's choices are never read; any total but zero will do for them.
    totals = np.maximum(chances.sum(axis=2, keepdims=True), 1e-9)
    cumulative: NDArray[np.float64] = np.minimum(chances.cumsum(axis=2) / totals, 1.0)
    for gene, size in enumerate(space.gene_sizes):
        cumulative[gene, :, size - 1 :] = 1.0  # cumsum may end a rounding error below 1
    return cumulative


def moves(choices: Sequence[int | Op | None], value: int) -> list[list[int]]:
    """Returns the moves from a choice, each a list of the choices it may lead to."""
    here = choices[value]
    if isinstance(here, int):
        return [[i for i in (value - 1, value + 1) if 0 <= i < len(choices)]]
    others = [(i, choice) for i, choice in enumerate(choices) if i != value]
    if here is None:
        return [[i for i, _ in others]]
    ops = [(i, op) for i, op in others if isinstance(op, Op)]
    same_kind = [(i, op) for i, op in ops if op.kind == here.kind]
    found = [
        _nearest(here, [(i, op) for i, op in ops if op.kind == kind])
        for kind in sorted({op.kind for _, op in ops} - {here.kind})
    ]
    found.append(_nearest(here, [(i, op) for i, op in same_kind if op.kernel != here.kernel]))
    found.append(_nearest(here, [(i, op) for i, op in same_kind if op.kernel == here.kernel]))
    found.append([i for i, choice in others if choice is None])
    return [move for move in found if move]


def _nearest(here: Op, candidates: Sequence[tuple[int, Op]]) -> list[int]:
    """Returns the candidates that differ from `here` in the fewest numbers."""

    def distance(op: Op) -> int:
        names = ("kernel", "expansion", "ratio_in", "ratio_out")
        return sum(getattr(op, name) != getattr(here, name) for name in names)

    least = min((distance(op) for _, op in candidates), default=0)
    return [i for i, op in candidates if distance(op) == least]
