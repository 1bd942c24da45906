"""The table and its peers, ready to look the same architectures up; for `bench_table.py`."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evonas.table import BenchmarkTable
from scripts.bench.table_data import COLUMNS, NATS_DATA, NATS_HP


@dataclass(frozen=True)
class Contender:
    """One way of looking up `n` architectures."""

    who: str
    how: str
    n: int
    call: Callable[[], Any]


def with_evonas(table: BenchmarkTable, genotypes: Any, arch_ids: list[str]) -> Iterator[Contender]:
    """The table itself: in batches and one by one, by genotype and by identifier."""
    yield Contender(
        "evonas", "batch of genotypes", len(genotypes), lambda: table.lookup(genotypes, COLUMNS)
    )
    yield Contender(
        "evonas", "batch of arch_ids", len(arch_ids), lambda: table.lookup(arch_ids, COLUMNS)
    )
    n = 2000
    rows, ids = [genotypes[i : i + 1] for i in range(n)], [[a] for a in arch_ids[:n]]
    yield Contender(
        "evonas", "single genotype", n, lambda: [table.lookup(g, COLUMNS) for g in rows]
    )
    yield Contender("evonas", "single arch_id", n, lambda: [table.lookup(a, COLUMNS) for a in ids])


def with_sqlite(folder: Path, arch_ids: list[str], order: Any) -> Iterator[Contender]:
    """SQLite, key by key: by identifier, and by row number, which is the fastest that it has."""
    run, names = (
        sqlite3.connect(f"file:{folder / 'rows.sqlite'}?mode=ro", uri=True).execute,
        ", ".join(map('"{}"'.format, COLUMNS)),
    )
    for how, column, keys in (
        ("single arch_id", "scores WHERE arch_id", arch_ids[:20_000]),
        ("single integer", "numbered WHERE id", order[:20_000].tolist()),
    ):
        query = f"SELECT {names} FROM {column} = ?"
        yield Contender(
            "SQLite",
            how,
            len(keys),
            partial(_fetch_each, run, query, keys),
        )


def _fetch_each(run: Callable[..., Any], query: str, keys: Sequence[Any]) -> list[Any]:
    return [run(query, (key,)).fetchone() for key in keys]


def with_pandas(
    folder: Path, arch_ids: list[str], stored: Any, genotypes: Any
) -> Iterator[Contender]:
    """A frame read from Parquet: indexed by identifier, and by genotypes packed into integers."""
    try:
        import pandas as pd
    except ImportError:
        return
    frame = pd.read_parquet(folder / "rows.parquet").set_index("arch_id")
    names, ids, few = list(COLUMNS), pd.Index(arch_ids), arch_ids[:500]
    frame.index.get_indexer(pd.Index(few))  # builds its hash table
    yield Contender("pandas", "batch of arch_ids", len(ids), lambda: frame.reindex(ids)[names])
    yield Contender("pandas", "single arch_id, loc", len(few), lambda: [frame.loc[a] for a in few])
    yield Contender(
        "pandas",
        "single arch_id, at",
        len(few),
        lambda: [[frame.at[a, c] for c in names] for a in few],
    )

    def packed(rows: Any) -> Any:  # four bits a gene, which `nano` fits
        numbers = np.zeros(len(rows), np.int64)
        for gene in rows.T:
            numbers = numbers * 16 + gene
        return numbers

    by_number = frame.set_axis(pd.Index(packed(stored)))
    numbers = packed(genotypes)
    by_number.index.get_indexer(numbers[:1])
    yield Contender(
        "pandas", "batch of integers", len(ids), lambda: by_number.reindex(numbers)[names]
    )
    yield Contender(
        "pandas",
        "batch of genotypes, as integers",
        len(ids),
        lambda: by_number.reindex(packed(genotypes))[names],
    )


def with_nats(folder: Path) -> Iterator[Contender]:
    """NATS-Bench's API, cell by cell, on a file in its own format."""
    if not (folder / "nats.pickle.pbz2").exists():
        return
    from nats_bench import create

    api = create(str(folder / "nats.pickle.pbz2"), "tss", fast_mode=False, verbose=False)
    cells = [api.arch(int(i)) for i in np.random.default_rng(3).permutation(len(api))[:2000]]

    def ask(cell: str) -> tuple[float, float, float]:
        index = api.query_index_by_arch(cell)
        accuracy = api.get_more_info(index, NATS_DATA, hp=NATS_HP, is_random=False)
        costs = api.get_cost_info(index, NATS_DATA, hp=NATS_HP)
        return accuracy["valid-accuracy"], costs["flops"], costs["latency"]

    who = f"nats-bench, {len(api):,} rows"
    yield Contender(who, "single cell", len(cells), lambda: [ask(cell) for cell in cells])
