"""Conditions on what is chosen where: "fused in block 1", "b2.width is 24"."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.errors import ConfigurationError
from evonas.space import Genotypes, Op, SearchSpace
from evonas.table.choices import KINDS, kinds_of, layer_positions


@dataclass(frozen=True, slots=True)
class GeneCondition:
    """One choice, at one place.

    Attributes:
        place: A block, a layer or a gene; conditions on one place are alternatives.
        columns: Where it looks: genes, or positions of `kinds_of` if it names a kind.
        code: The choice's index in the gene, or the kind's in `KINDS`.
        is_kind: Whether `code` is a kind.
    """

    place: str
    columns: tuple[int, ...]
    code: int
    is_kind: bool


def gene_conditions(space: SearchSpace) -> dict[str, GeneCondition]:
    """Returns every condition by its words: kinds in blocks, kinds of layers, choices of genes."""
    places = layer_positions(space)
    found: dict[str, GeneCondition] = {}
    for block in sorted({place.block for place in places}):
        columns = tuple(i for i, place in enumerate(places) if place.block == block)
        for kind in sorted({kind for i in columns for kind in places[i].possible}):
            words = f"{KINDS[kind]} in block {block}"
            found[words] = GeneCondition(f"block {block}", columns, kind, True)
    for i, place in enumerate(places):
        for kind in place.possible:
            found[f"{place.name} is {KINDS[kind]}"] = GeneCondition(place.name, (i,), kind, True)
    for i, slot in enumerate(space.genes):
        for code, choice in enumerate(slot.choices):
            if choice is not None:  # a skipped layer is a kind already
                words = choice.name if isinstance(choice, Op) else f"{choice}"
                gene = slot.name.removesuffix(".op")
                found[f"{gene} is {words}"] = GeneCondition(gene, (i,), code, False)
    return found


def meets(space: SearchSpace, genotypes: Genotypes, words: Iterable[str]) -> NDArray[np.bool_]:
    """Returns whether each network, of (n, n_genes), meets conditions, (n,).

    Conditions on one place are alternatives; of different places all are to be met. A block has a
    kind if one of its layers has it.

    Raises:
        ConfigurationError: A condition that the space does not have.
    """
    known = gene_conditions(space)
    by_place: dict[str, NDArray[np.bool_]] = {}
    kinds = None
    for text in words:
        if text not in known:
            raise ConfigurationError(
                f"{text!r} is no condition on {space.name}; such are {next(iter(known))!r} and "
                f"{list(known)[-1]!r}"
            )
        condition = known[text]
        if condition.is_kind and kinds is None:
            kinds = kinds_of(space, genotypes)
        values = kinds if condition.is_kind else genotypes
        assert values is not None
        met = (values[:, condition.columns] == condition.code).any(axis=1)
        before = by_place.get(condition.place)
        by_place[condition.place] = met if before is None else before | met
    every = np.ones(len(genotypes), np.bool_)
    for met in by_place.values():
        every &= met
    return every
