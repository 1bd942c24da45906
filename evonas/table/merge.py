"""Merging tables, with a rule for what they disagree on."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from evonas.errors import DataError, unknown_name
from evonas.space import load_space
from evonas.table.doors import REFUSE, REPLACE, check_rule
from evonas.table.part import ALL, Floats, Provenance, Rows
from evonas.table.provenance import differing_key
from evonas.table.table import BenchmarkTable


def merge_tables(
    target: BenchmarkTable,
    sources: Sequence[BenchmarkTable],
    on_conflict: str = REFUSE,
    labels: Mapping[str, str] | None = None,
) -> None:
    """Copies the rows of tables into a folder table, table by table, each whole or not at all.

    Args:
        target: Gets the rows.
        sources: Their tables.
        on_conflict: Where target and source have different values for a column of an
            architecture: `refuse` the source, `keep` the target's, or `replace` it.
        labels: Names of columns, each with the label that it gets in the target: `{"map":
            "street"}` makes it `map@street`. That is how columns of another provenance, which
            are refused otherwise, come into one table.

    Raises:
        ConfigurationError: There is no such rule, or no such column to label.
        DataError: A conflict that the rule refuses, or a column of another provenance.
        SchemaError: Rows of another definition of a space.
    """
    check_rule(on_conflict)
    columns = {name for source in sources for s in source.spaces for name in source.columns(s)}
    for name in labels or {}:
        if name not in columns:
            raise unknown_name("column", name, columns)
    for source in sources:
        rows = [_labelled(part, labels or {}) for part in source.merged()]
        for part in rows:
            _check_provenance(target, source, part)
        where = str(source.path)
        target.append_rows(
            [resolved(target, where, part, on_conflict) for part in rows], where=where
        )


def _labelled(rows: Rows, labels: Mapping[str, str]) -> Rows:
    names = {name: f"{name}@{labels[name]}" if name in labels else name for name in rows.columns}
    return Rows(
        rows.space,
        rows.fingerprint,
        rows.n,
        rows.distinct,
        rows.genotypes,
        {names[name]: read for name, read in rows.columns.items()},
        {names[name]: provenance for name, provenance in rows.provenance.items()},
    )


def _check_provenance(target: BenchmarkTable, source: BenchmarkTable, rows: Rows) -> None:
    if rows.space not in target.spaces:
        return
    for name, theirs in rows.provenance.items():
        ours: Provenance = target.provenance(name, rows.space)
        key = differing_key(ours, theirs) if ours else None
        if key is not None:
            raise DataError(
                f"{source.path}: column {name!r} has {key} {theirs.get(key)!r}, in {target.path} "
                f"{ours.get(key)!r}; give it a label: --label {name}=LABEL"
            )


def resolved(target: BenchmarkTable, where: str, rows: Rows, on_conflict: str) -> Rows:
    """Returns rows with values only where the rule gives them.

    Args:
        target: The table that shall get them.
        where: What messages call the place that they are from.
        rows: The rows, each genotype once.
        on_conflict: See `merge_tables`.

    Raises:
        DataError: A conflict that the rule refuses.
    """
    if rows.space not in target.spaces or on_conflict == REPLACE:
        return rows
    genotypes = rows.genotypes(ALL)
    at = target.find(genotypes, rows.space)

    def resolve(name: str, read: Callable[[slice], Floats]) -> Floats:
        theirs = np.array(read(ALL))
        ours = target.known(genotypes, [name], rows.space)[name]
        conflict = (at >= 0) & ~np.isnan(ours) & ~np.isnan(theirs) & (ours != theirs)
        if conflict.any() and on_conflict == REFUSE:
            first = int(conflict.argmax())
            [arch_id] = load_space(rows.space).arch_ids(genotypes[first : first + 1])
            raise DataError(
                f"{where}: {conflict.sum()} values of {name!r} differ from those in "
                f"{target.path}, {arch_id} first: {theirs[first]} there, {ours[first]} "
                "here; keep one with --conflict keep or --conflict replace"
            )
        theirs[conflict] = np.nan
        return theirs

    columns = {name: resolve(name, read).__getitem__ for name, read in rows.columns.items()}
    return Rows(
        rows.space,
        rows.fingerprint,
        rows.n,
        True,
        genotypes.__getitem__,
        columns,
        rows.provenance,
    )
