"""What every value passes on its way into a table: append, import, merge, results of trainings."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import DataError, EvonasError, unknown_name
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table.domains import check_column, column_domain, first_outside
from evonas.table.index import GenotypeIndex
from evonas.table.part import Floats, Provenance, Rows, in_memory
from evonas.table.rows import slices

# What happens where there are different values of one column for one architecture.
REFUSE, KEEP, REPLACE = "refuse", "keep", "replace"
CONFLICT_RULES = (REFUSE, KEEP, REPLACE)

_SLAB = 2**20  # rows looked at together


def check_rule(rule: str) -> None:
    """Refuses what is no conflict rule.

    Raises:
        ConfigurationError: It is none.
    """
    if rule not in CONFLICT_RULES:
        raise unknown_name("conflict rule", rule, CONFLICT_RULES)


def number_column(name: str, given: Any) -> Floats:
    """Returns the values of a column, (n,), as they were given.

    Raises:
        DataError: They are no numbers, or not one per row.
    """
    try:
        values = np.asarray(given)
    except ValueError as error:
        raise DataError(f"column {str(name)[:100]!r}: one number per row is expected") from error
    if isinstance(given, np.ma.MaskedArray) and values.dtype.kind in "fiu":
        values = np.where(np.ma.getmaskarray(given), np.nan, values)
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise DataError(
            f"column {str(name)[:100]!r}: {values.dtype} of shape {values.shape}; one number per "
            "row is expected"
        )
    return np.array(values, np.float64)


def once(
    space: SearchSpace,
    genotypes: Genotypes,
    columns: Mapping[str, Floats],
    provenance: Mapping[str, Provenance],
    where: str,
    on_conflict: str = REFUSE,
) -> Rows:
    """Returns rows in which each genotype stands once.

    Args:
        space: The genotypes' space.
        genotypes: (n, n_genes), repeats allowed.
        columns: (n,) each, NaN where missing.
        provenance: Of each column.
        where: What messages call the place that they are from.
        on_conflict: What happens to different values of one genotype: `refuse` them, `keep` the
            first, or `replace` it by the last.

    Raises:
        DataError: Different values that the rule refuses, or columns of other lengths.
    """
    check_rule(on_conflict)
    genotypes = space.canonical(genotypes)
    given = in_memory(space.name, space.fingerprint, genotypes, columns, provenance, distinct=True)
    index = GenotypeIndex(genotypes)
    row = index.row
    if row is None:
        return given
    order = slice(None, None, -1 if on_conflict == KEEP else 1)
    folded = {}
    for name, values in columns.items():
        filled = np.flatnonzero(~np.isnan(values))[order]
        kept = folded[name] = np.full(len(index), np.nan)
        kept[row[filled]] = values[filled]  # of several, numpy keeps the last
        wrong = filled[kept[row[filled]] != values[filled]]
        if len(wrong) and on_conflict == REFUSE:
            first = int(wrong[0])
            [arch_id] = space.arch_ids(genotypes[first : first + 1])
            raise DataError(
                f"{where}: {arch_id} stands more than once, with {name!r} {values[first]} and "
                f"{kept[row[first]]}; remove one, or choose the conflict rule keep (the "
                "first) or replace (the last)"
            )
    return in_memory(
        space.name, space.fingerprint, index.genotypes, folded, provenance, distinct=True
    )


def check_rows(rows: Rows, where: str) -> None:
    """Refuses rows with a column, or a value, that cannot be.

    Raises:
        DataError: It says which one, and what is allowed.
    """
    for name, read in rows.columns.items():
        provenance = rows.provenance[name]
        check_column(name, provenance)
        for slab in slices(rows.n, _SLAB):
            values = read(slab)
            row = first_outside(name, values, provenance)
            if row is not None:
                at = slab.start + row
                raise DataError(
                    f"{where}: {name!r} of {_name_row(rows, at)} is {values[row]}; "
                    f"{column_domain(name, provenance).sentence}"
                )


def _name_row(rows: Rows, row: int) -> str:
    genotype: NDArray[np.uint8] = rows.genotypes(slice(row, row + 1))
    try:
        return load_space(rows.space).arch_ids(genotype)[0]
    except EvonasError:  # no space of this evonas
        return f"row {row + 1}"
