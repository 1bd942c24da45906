"""Many `arch_id`s to genotypes at once."""

from collections.abc import Sequence

import numpy as np

from evonas.space import Genotypes, SearchSpace

_NO_DIGIT = 255
_VALUES = np.full(256, _NO_DIGIT, np.uint8)
_VALUES[np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", np.uint8)] = np.arange(36)


def genotypes_of(space: SearchSpace, arch_ids: Sequence[str]) -> Genotypes:
    """Returns the genotypes, (n, n_genes), that identifiers spell; they are taken as canonical.

    Raises:
        GenotypeError: An identifier of another space, or one that is not well-formed.
    """
    prefix = f"{space.name}:".encode()
    length = len(prefix) + space.n_genes
    if not isinstance(arch_ids, list | tuple) or not all(
        isinstance(arch_id, str) for arch_id in arch_ids
    ):
        return space.genotypes(arch_ids)  # says what is wrong
    text = "".join(arch_ids).encode("ascii", "replace")
    if len(text) == len(arch_ids) * length:
        letters = np.frombuffer(text, np.uint8).reshape(len(arch_ids), length)
        values = _VALUES[letters[:, len(prefix) :]]
        starts = (letters[:, : len(prefix)] == np.frombuffer(prefix, np.uint8)).all()
        if starts and (values < space.gene_sizes).all():
            return values
    return space.genotypes(arch_ids)  # says which one is wrong
