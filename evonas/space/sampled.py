"""A finite sample of a space: every genotype stands for the nearest network of the sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.errors import GenotypeError
from evonas.limits import seeded
from evonas.space.space import Genotypes, SearchSpace

_CHUNK = 4096
# A step leads to one of so many networks that are nearest.
NEAR = 6


@dataclass(frozen=True)
class SampledSpace(SearchSpace):
    """Networks of a space of which a table holds some only.

    Whatever an algorithm proposes is brought into canonical form, and that is here the network of
    the sample that differs in the fewest genes; of several the first in the sample's order. So no
    value is ever made up, and every algorithm searches the sample.

    Attributes:
        rows: The canonical genotypes (n, n_genes), distinct and in order, as bytes.
    """

    rows: bytes = b""

    @classmethod
    def of(cls, space: SearchSpace, genotypes: ArrayLike) -> "SampledSpace":
        """Returns the sample of a space that consists of genotypes (m, n_genes), each once.

        Raises:
            GenotypeError: No genotypes of the space, or none at all.
        """
        networks = np.unique(space.canonical(genotypes), axis=0)
        if not len(networks):
            raise GenotypeError(f"a sample of {space.name}: at least one network is expected")
        return cls(space.name, space.skeleton, space.stems, space.blocks, networks.tobytes())

    @cached_property
    def networks(self) -> Genotypes:
        """(n, n_genes) the networks, in order; read-only."""
        return np.frombuffer(self.rows, np.uint8).reshape(-1, self.n_genes)

    @cached_property
    def size(self) -> int:
        """Number of networks."""
        return len(self.networks)

    def definition(self) -> str:
        """Returns the space's definition and the networks."""
        return super().definition() + self.rows.hex()

    def sample(self, n: int, rng: np.random.Generator | int) -> Genotypes:
        """Draws n networks, (n, n_genes), each with the same chance."""
        chosen = seeded(rng).integers(self.size, size=n)
        drawn: Genotypes = self.networks[chosen]
        return drawn

    def canonical(self, genotypes: ArrayLike) -> Genotypes:
        """Returns the nearest networks, (n, n_genes)."""
        own = super().canonical(genotypes)
        rows = [
            self._equal(own[start : start + _CHUNK]).argmax(axis=1)
            for start in range(0, len(own), _CHUNK)
        ]
        nearest: Genotypes = self.networks[np.concatenate([np.empty(0, np.intp), *rows])]
        return nearest

    def genotypes(self, arch_ids: Sequence[str]) -> Genotypes:
        """Returns the genotypes of identifiers, (n, n_genes).

        Raises:
            GenotypeError: No identifier of the space, or of a network that is not in the sample.
        """
        whole = SearchSpace(self.name, self.skeleton, self.stems, self.blocks)
        found = whole.genotypes(arch_ids)
        missing = np.flatnonzero((self.canonical(found) != found).any(axis=1))
        if len(missing):
            raise GenotypeError(
                f"{arch_ids[missing[0]]!r} is not among the {self.size} networks of the table"
            )
        return found

    def near(self, genotype: ArrayLike) -> Genotypes:
        """Returns the `NEAR` other networks that are nearest to a network, (k, n_genes)."""
        equal = self._equal(super().canonical(np.asarray(genotype)[None]))[0]
        nearest = np.argsort(-equal, kind="stable")
        others: Genotypes = self.networks[nearest[equal[nearest] < self.n_genes][:NEAR]]
        return others

    def stepped(self, genotypes: Genotypes, rng: np.random.Generator) -> Genotypes:
        """Returns for each of (n, n_genes) one of the networks that are near, by chance."""
        if self.size == 1:
            return genotypes.copy()
        near = [self.near(row) for row in genotypes]
        chosen = rng.random(len(genotypes))
        rows = [rows[int(u * len(rows))] for u, rows in zip(chosen, near, strict=True)]
        return np.array(rows, np.uint8).reshape(-1, self.n_genes)

    def _equal(self, canonical: Genotypes) -> NDArray[np.float32]:
        """Returns (k, n) how many genes of (k, n_genes) are those of each network; exact."""
        equal: NDArray[np.float32] = self._one_hot(canonical) @ self._marks.T
        return equal

    @cached_property
    def _marks(self) -> NDArray[np.float32]:
        return self._one_hot(self.networks)

    def _one_hot(self, canonical: Genotypes) -> NDArray[np.float32]:
        """Returns (k, sum of gene sizes): a 1 for each choice that is made."""
        starts = np.cumsum(self.gene_sizes) - self.gene_sizes
        marks = np.zeros((len(canonical), int(self.gene_sizes.sum())), np.float32)
        marks[np.arange(len(canonical))[:, None], starts + canonical] = 1
        return marks
