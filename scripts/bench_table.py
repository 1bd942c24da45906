"""Measures the benchmark table against its bars and its peers, and prints tables.

    python scripts/bench_table_data.py runs/bench
    python scripts/bench_table.py open
    python scripts/bench_table.py lookup runs/bench
    python scripts/bench_table.py front runs/bench
    python scripts/bench_table.py large runs/bench

Peers are measured in the same process, if they are installed: SQLite, pandas on Parquet, and
nats-bench with a table in its own format. Times are medians of repeats.
"""

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from bench_table_data import COLUMNS, NATS_DATA, NATS_HP, SPACE, make_table

from evonas.cli.output import print_table
from evonas.paths import benchmark_data_dir
from evonas.table import open_table

app = typer.Typer(no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="As bench_table_data.py made it.")]

TWO = ["map", "latency:edge-gpu"]
FOUR = ["map", "latency:edge-gpu", "latency:systolic-64x64", "params"]


def seconds(call: Callable[[], Any], repeats: int = 5) -> float:
    """Returns the median time of a call."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def in_new_process(code: str) -> dict[str, float]:
    """Runs code, which may fill the dict `told`; adds its wall seconds and peak memory in MB."""
    script = f"""
import json, resource, sys, time
began, told = time.perf_counter(), {{}}
{code}
told["seconds inside"] = time.perf_counter() - began
told["MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(told))
"""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told | {"seconds": time.perf_counter() - began}


@app.command(name="open")
def open_(table: Path | None = None, repeats: int = 11) -> None:
    """Import, open and first answer in a new process, beside the import of numpy and h5py."""
    table = table or next(iter(sorted((benchmark_data_dir() / "tables").glob("nano-*.h5"))))
    space = open_table(table).spaces[0]
    [arch_id] = SPACE.arch_ids(open_table(table).genotypes(space)[-1:])
    opened = f"import evonas\ntable = evonas.open_table({str(table)!r})\n"
    rows = []
    for name, code in (
        ("import numpy, h5py", "import numpy, h5py"),
        ("look up one architecture", f"{opened}table.lookup([{arch_id!r}], {list(COLUMNS[:2])})"),
        ("front of two objectives", f"{opened}table.front({['map', 'params']})"),
    ):
        runs = [in_new_process(code) for _ in range(repeats)]
        rows.append([name, *(f"{statistics.median(r[k] for r in runs):.3f}" for k in runs[0])])
    print_table(["a new process", *runs[0]], rows, f"{table.name}, {len(open_table(table))} rows")


@app.command()
def lookup(folder: Folder, rows: int = 1_000_000) -> None:
    """Three columns of architectures in random order, one by one and all at once."""
    table = open_table(make_table(folder, rows))
    began = time.perf_counter()
    order = np.random.default_rng(2).permutation(rows)
    genotypes = table.genotypes()[order]
    table.lookup(genotypes[:1], COLUMNS)
    cold = time.perf_counter() - began
    arch_ids = SPACE.arch_ids(genotypes)
    found: list[tuple[str, str, float]] = []  # who, how, architectures a second

    def add(who: str, how: str, n: int, call: Callable[[], Any], repeats: int = 5) -> None:
        found.append((who, how, n / seconds(call, repeats)))

    add("evonas", "batch of genotypes", rows, lambda: table.lookup(genotypes, COLUMNS))
    add("evonas", "batch of arch_ids", rows, lambda: table.lookup(arch_ids, COLUMNS))
    singles, n = [genotypes[i : i + 1] for i in range(2000)], 2000
    add("evonas", "single genotype", n, lambda: [table.lookup(g, COLUMNS) for g in singles])
    add("evonas", "single arch_id", n, lambda: [table.lookup([a], COLUMNS) for a in arch_ids[:n]])
    _sqlite(folder, arch_ids, order, add)
    _pandas(folder, arch_ids, genotypes, add)
    _nats(folder, add)
    ours = found[0][2]
    print_table(
        ["who", "how", "per second", "us each", "evonas batch is"],
        [
            [who, how, f"{rate:,.0f}", f"{1e6 / rate:.3f}", f"{ours / rate:.1f} x"]
            for who, how, rate in found
        ],
        f"{len(COLUMNS)} columns of {rows:,} rows; index and columns read in {cold:.2f} s",
    )


def _sqlite(folder: Path, arch_ids: list[str], order: Any, add: Callable[..., None]) -> None:
    database = sqlite3.connect(folder / "rows.sqlite")
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    n, run = 50_000, database.execute
    by_text = f"SELECT {names} FROM scores WHERE arch_id = ?"
    by_number = f"SELECT {names} FROM numbered WHERE id = ?"
    numbers = order[:n].tolist()
    add(
        "SQLite", "single arch_id", n, lambda: [run(by_text, (a,)).fetchone() for a in arch_ids[:n]]
    )
    add("SQLite", "single integer", n, lambda: [run(by_number, (i,)).fetchone() for i in numbers])


def _pandas(folder: Path, arch_ids: list[str], genotypes: Any, add: Callable[..., None]) -> None:
    try:
        import pandas as pd
    except ImportError:
        return
    frame = pd.read_parquet(folder / "rows.parquet").set_index("arch_id")
    names, n = list(COLUMNS), 2000
    frame.index.get_indexer(arch_ids[:1])  # builds its hash table
    keys = pd.Index(arch_ids)
    single = arch_ids[:n]
    add("pandas", "batch, index of arch_id", len(keys), lambda: frame.reindex(keys)[names], 3)
    add("pandas", "single arch_id, loc", n, lambda: [frame.loc[a] for a in single], 3)
    add(
        "pandas", "single arch_id, at", n, lambda: [[frame.at[a, c] for c in names] for a in single]
    )

    def packed(rows: Any) -> Any:  # four bits a gene, which `nano` fits
        numbers = np.zeros(len(rows), np.int64)
        for gene in rows.T:
            numbers = numbers * 16 + gene
        return numbers

    everything = open_table(make_table(folder, len(frame))).genotypes()
    frame.index = pd.Index(packed(everything))
    integers = packed(genotypes)
    frame.index.get_indexer(integers[:1])
    add("pandas", "batch, index of integers", len(keys), lambda: frame.reindex(integers)[names])
    add(
        "pandas",
        "batch, integers made of genotypes",
        len(keys),
        lambda: frame.reindex(packed(genotypes))[names],
    )


def _nats(folder: Path, add: Callable[..., None]) -> None:
    if not (folder / "nats.pickle.pbz2").exists():
        return
    from nats_bench import create

    api = create(str(folder / "nats.pickle.pbz2"), "tss", fast_mode=False, verbose=False)
    cells = [api.arch(int(i)) for i in np.random.default_rng(3).permutation(len(api))[:5000]]

    def ask(cell: str) -> tuple[float, float, float]:
        index = api.query_index_by_arch(cell)
        accuracy = api.get_more_info(index, NATS_DATA, hp=NATS_HP, is_random=False)
        costs = api.get_cost_info(index, NATS_DATA, hp=NATS_HP)
        return accuracy["valid-accuracy"], costs["flops"], costs["latency"]

    who = f"nats-bench ({len(api):,} rows)"
    add(who, "single cell", len(cells), lambda: [ask(cell) for cell in cells], 3)


@app.command()
def front(folder: Folder, repeats: int = 5) -> None:
    """Fronts of two objectives over a million rows and of four over 100,000."""
    found = []
    for rows, objectives in ((1_000_000, TWO), (100_000, FOUR)):
        path = make_table(folder, rows)
        cold = seconds(lambda path=path, names=objectives: open_table(path).front(names), repeats)
        table = open_table(path)
        size = len(table.front(objectives))
        warm = seconds(lambda table=table, names=objectives: table.front(names), repeats)
        name = f"{len(objectives)} objectives of {rows:,} rows"
        found.append([name, str(size), f"{cold:.3f}", f"{warm:.3f}"])
    print_table(["front", "points", "s with opening", "s, columns read"], found)


@app.command()
def large(folder: Folder, rows: int = 10_000_000) -> None:
    """What a table of ten million rows answers, each in a process of its own, and its memory."""
    path = make_table(folder, rows)
    opened = f"import evonas\ntable = evonas.open_table({str(path)!r})\n"
    [arch_id] = SPACE.arch_ids(next(open_table(path).batches([], 1))[0])
    found = []
    for name, code in (
        ("front of two objectives", f"told['n'] = len(table.front({TWO}))"),
        ("front of four objectives", f"told['n'] = len(table.front({FOUR}))"),
        (
            "both",
            f"told['n'] = len(table.front({TWO}))\ntold['n'] += len(table.front({FOUR}))",
        ),
        ("where", "told['n'] = len(table.where('map > 0.5 and madds < 2e7'))"),
        ("look up one, three columns", f"told['n'] = len(table.lookup([{arch_id!r}], {COLUMNS}))"),
        (
            "sum of all columns, in batches",
            "told['n'] = sum(len(c['map']) for _, c in table.batches(table.columns()))",
        ),
    ):
        told = in_new_process(opened + code)
        found.append([name, f"{told['n']:,.0f}", f"{told['seconds']:.2f}", f"{told['MB']:,.0f}"])
    print_table(["a new process", "result", "seconds", "peak MB"], found, f"{rows:,} rows")


if __name__ == "__main__":
    app()
