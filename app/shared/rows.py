"""Rows of a table as columns to show, and as text to take away."""

import csv
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evonas.limits import csv_text
from evonas.space import load_space
from evonas.table import BenchmarkTable


def rows_frame(
    table: BenchmarkTable, space: str, rows: NDArray[np.intp], columns: Sequence[str]
) -> dict[str, object]:
    """Returns rows as columns: `arch_id` and those named."""
    frame: dict[str, object] = {"arch_id": load_space(space).arch_ids(table.genotypes(space)[rows])}
    return frame | {name: table.column(name, space)[rows] for name in columns}


def rows_csv(
    table: BenchmarkTable, space: str, rows: NDArray[np.intp], columns: Sequence[str]
) -> str:
    """Returns rows as CSV text; a missing value is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arch_id", *map(csv_text, columns)])
    arch_ids = load_space(space).arch_ids(table.genotypes(space)[rows])
    values = np.stack([table.column(name, space)[rows] for name in columns], axis=1)
    for arch_id, numbers in zip(arch_ids, values.tolist(), strict=True):
        writer.writerow([csv_text(arch_id), *("" if np.isnan(n) else repr(n) for n in numbers)])
    return text.getvalue()
