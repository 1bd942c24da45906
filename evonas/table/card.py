"""A table's data card: what it holds, from where, and how to tell whether it is the same one."""

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from evonas.table.columns import column_objective, direction_of
from evonas.table.rows import SpaceRows

if TYPE_CHECKING:
    from evonas.table.table import BenchmarkTable


def data_card(table: "BenchmarkTable") -> dict[str, Any]:
    """Returns rows, spaces, columns (unit, direction, source, filling, range), card, checksums."""
    return {
        "path": str(table.path),
        "rows": len(table),
        "spaces": {space: table.count(space) for space in table.spaces},
        "fingerprints": {space: table.fingerprint(space) for space in table.spaces},
        "parts": table.n_parts,
        "columns": [
            _column(table, space, name) for space in table.spaces for name in table.columns(space)
        ],
        "card": dict(table.card),
        "checksum": table.checksum(),
        "sha256": file_sha256(table) if table.path.is_file() else None,
    }


def _column(table: "BenchmarkTable", space: str, name: str) -> dict[str, Any]:
    provenance = table.provenance(name, space)
    objective = column_objective(name, provenance)
    values = table.column(name, space)
    filled = values[~np.isnan(values)]
    return {
        "name": name,
        "space": space,
        "unit": objective.unit if objective else provenance.get("unit", ""),
        "direction": direction_of(objective),
        "source": provenance.get("source", ""),
        "filled": len(filled),
        "min": float(filled.min()) if len(filled) else None,
        "max": float(filled.max()) if len(filled) else None,
        "provenance": dict(provenance),
    }


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


def file_sha256(table: "BenchmarkTable") -> str:
    """Returns the SHA-256 of a single-file table."""
    with open(table.path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
