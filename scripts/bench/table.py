"""Measures the benchmark table against its bars and its peers, and prints tables.

    python -m scripts.bench.table_data runs/bench
    python -m scripts.bench.table open
    python -m scripts.bench.table lookup runs/bench
    python -m scripts.bench.table front runs/bench
    python -m scripts.bench.table large runs/bench

Peers are measured in the same process, if they are installed: SQLite, pandas on Parquet, and
nats-bench with a table in its own format. Contenders take turns, and the fastest turn of each
counts: what else the machine does then falls on all alike, and on no figure.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import scripts.bench.table_peers as peers
from evonas.cli.output import print_table
from evonas.paths import shipped_data
from evonas.table import open_table
from scripts.bench.table_data import COLUMNS, SPACE, make_table

app = typer.Typer(no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="As bench_table_data.py made it.")]
ProcessorTime = Annotated[
    bool, typer.Option("--processor-time", help="Count it instead of wall time: on a busy machine.")
]

TWO = ["map", "latency:edge-gpu"]
FOUR = ["map", "latency:edge-gpu", "latency:systolic-64x64", "params"]


def seconds(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    """Returns the time of a call."""
    began = clock()
    call()
    return clock() - began


def fastest(calls: Sequence[Callable[[], Any]], turns: int, processor_time: bool) -> list[float]:
    """Returns the shortest time of each call; they take turns."""
    clock = time.process_time if processor_time else time.perf_counter
    times = [[seconds(call, clock) for call in calls] for _ in range(turns)]
    fewest: list[float] = np.min(times, axis=0).tolist()
    return fewest


def _front_of(path: Path, objectives: list[str]) -> object:
    return open_table(path).front(objectives)


def in_new_process(code: str) -> dict[str, float]:
    """Runs code that may fill the dict `reported`; adds its wall seconds and peak MB."""
    script = f"""
import json, time
began, reported = time.perf_counter(), {{}}
{code}
reported["seconds inside"] = time.perf_counter() - began
reported["processor seconds"] = time.process_time()  # from the start of the process
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
reported["MB"] = int(status["VmHWM"].split()[0]) / 1024  # ru_maxrss would count the parent's
print(json.dumps(reported))
"""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    reported: dict[str, float] = json.loads(done.stdout)
    return reported | {"seconds": time.perf_counter() - began}


@app.command(name="open")
def open_(table: Path | None = None, repeats: int = 11) -> None:
    """Import, open and first answer in a new process, beside the import of numpy and h5py."""
    table = table or next(iter(sorted((shipped_data() / "tables").glob("nano-*.h5"))))
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
        rows.append([name, *(f"{min(r[k] for r in runs):.3f}" for k in runs[0])])
    print_table(["a new process", *runs[0]], rows, f"{table.name}, {len(open_table(table))} rows")


@app.command()
def lookup(
    folder: Folder, rows: int = 1_000_000, turns: int = 5, processor_time: ProcessorTime = False
) -> None:
    """Three columns of architectures in random order, one by one and all at once."""
    table = open_table(make_table(folder, rows))
    order = np.random.default_rng(2).permutation(rows)
    began = time.perf_counter()
    genotypes = table.genotypes()[order]
    table.lookup(genotypes[:1], COLUMNS)
    cold = time.perf_counter() - began
    arch_ids = SPACE.arch_ids(genotypes)
    contenders = [
        *peers.with_evonas(table, genotypes, arch_ids),
        *peers.with_sqlite(folder, arch_ids, order),
        *peers.with_pandas(folder, arch_ids, table.genotypes(), genotypes),
        *peers.with_nats(folder),
    ]
    times = fastest([contender.call for contender in contenders], turns, processor_time)
    rates = [c.n / spent for c, spent in zip(contenders, times, strict=True)]
    print_table(
        ["who", "how", "per second", "us each", "evonas batch is"],
        [
            [c.who, c.how, f"{rate:,.0f}", f"{1e6 / rate:.3f}", f"{rates[0] / rate:.1f} x"]
            for c, rate in zip(contenders, rates, strict=True)
        ],
        f"{len(COLUMNS)} columns of {rows:,} rows; index and columns read in {cold:.2f} s",
    )


@app.command()
def front(folder: Folder, repeats: int = 5, processor_time: ProcessorTime = False) -> None:
    """Fronts of two objectives over a million rows and of four over 100,000."""
    found = []
    for rows, objectives in ((1_000_000, TWO), (100_000, FOUR)):
        path = make_table(folder, rows)
        table = open_table(path)
        size = len(table.front(objectives))
        cold, warm = fastest(
            [
                partial(_front_of, path, objectives),
                partial(table.front, objectives),
            ],
            repeats,
            processor_time,
        )
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
        ("front of two objectives", f"reported['n'] = len(table.front({TWO}))"),
        ("front of four objectives", f"reported['n'] = len(table.front({FOUR}))"),
        (
            "both",
            f"reported['n'] = len(table.front({TWO}))\ntold['n'] += len(table.front({FOUR}))",
        ),
        ("where", "reported['n'] = len(table.where('map > 0.3 and madds < 2e7'))"),
        (
            "look up one, three columns",
            f"reported['n'] = len(table.lookup([{arch_id!r}], {COLUMNS}))",
        ),
        (
            "all columns, in batches",
            "reported['n'] = sum(len(c['map']) for _, c in table.batches(table.columns()))",
        ),
    ):
        reported = in_new_process(opened + code)
        spent = [f"{reported[key]:.2f}" for key in ("seconds", "processor seconds")]
        found.append([name, f"{reported['n']:,.0f}", *spent, f"{reported['MB']:,.0f}"])
    print_table(
        ["a new process", "result", "seconds", "processor seconds", "peak MB"],
        found,
        f"{rows:,} rows",
    )


if __name__ == "__main__":
    app()
