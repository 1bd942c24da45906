"""How to tell whether a table is the same one."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from evonas.table.rows import SpaceRows


def content_checksum(spaces: dict[str, SpaceRows]) -> str:
    """Returns a hash of all rows and values, the same however they are split into parts."""
    digest = hashlib.sha256()
    for name in sorted(spaces):
        rows = spaces[name]
        genotypes = rows.genotypes
        order = _lexicographic(genotypes)
        digest.update(name.encode() + genotypes[order].tobytes())
        for column in sorted(rows.provenance):
            digest.update(column.encode() + rows.column(column)[order].tobytes())
    return digest.hexdigest()[:16]


def _lexicographic(genotypes: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, Any]:
    """(n,) rows by genotype; eight genes are compared at once."""
    n, n_genes = genotypes.shape
    padded = np.zeros((n, -(-n_genes // 8) * 8), np.uint8)
    padded[:, :n_genes] = genotypes
    return np.lexsort(padded.view(">u8").T[::-1])


def file_sha256(path: Path) -> str:
    """Returns a file's SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
