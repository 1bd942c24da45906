"""Makes what `bench_table.py` measures: large tables, and the same rows in its peers' formats.

    python -m scripts.bench.table_data runs/bench --rows 1000000 --large 10000000

Random architectures of `nano` with their true costs and analytic latencies; `map` is invented (a
rising function of the costs with noise), as nobody scores ten million networks for this.
"""

import itertools
import sqlite3
from pathlib import Path

import numpy as np
import typer

from evonas.latency import load_predictor
from evonas.space import Genotypes, load_space
from evonas.table import create_table, export_rows, open_table, write_table
from evonas.table.index import GenotypeIndex

SPACE = load_space("nano")
DEVICES = ("edge-gpu", "systolic-64x64")
COLUMNS = ("map", "madds", "latency:edge-gpu")
NATS_DATA, NATS_HP = "cifar10-valid", "12"
_NATS_OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def distinct(n: int, seed: int) -> Genotypes:
    """Returns n distinct random architectures."""
    rng = np.random.default_rng(seed)
    drawn = SPACE.sample(n, rng)
    while len(index := GenotypeIndex(drawn)) < n:
        drawn = np.concatenate([index.genotypes, SPACE.sample(n - len(index) + 1000, rng)])
    return index.genotypes[:n]


def values_of(genotypes: Genotypes, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Returns the columns of genotypes, (n,) each."""
    costs = SPACE.costs(genotypes)
    size = np.log(costs["madds"]) + 0.3 * np.log(costs["params"])
    accuracy = 0.6 / (1 + np.exp(-(size - 20) / 2)) + rng.normal(0, 0.03, len(size))
    latencies = {f"latency:{d}": load_predictor(d, SPACE).predict(genotypes) for d in DEVICES}
    return {"map": accuracy.clip(0, 1), **costs, **latencies}


def make_table(folder: Path, n: int) -> Path:
    """Makes a single-file table of n rows; returns it."""
    out = folder / f"rows-{n}.h5"
    if not out.exists():
        genotypes, rng = distinct(n, seed=0), np.random.default_rng(1)
        table = create_table(folder / f"parts-{n}")
        for start in range(0, n, 1_000_000):
            rows = genotypes[start : start + 1_000_000]
            columns = values_of(rows, rng)
            table.append(SPACE, rows, columns, provenance={"source": "invented"})
        write_table(out, table)
    return out


def make_sqlite(path: Path, arch_ids: list[str], columns: list[np.ndarray]) -> None:
    """Writes rows as a table whose primary key is the identifier."""
    with sqlite3.connect(path) as database:
        names = ", ".join(f'"{name}" REAL' for name in COLUMNS)
        database.execute(f"CREATE TABLE scores (arch_id TEXT PRIMARY KEY, {names}) WITHOUT ROWID")
        rows = zip(arch_ids, *(column.tolist() for column in columns), strict=True)
        database.executemany("INSERT INTO scores VALUES (?, ?, ?, ?)", sorted(rows))
        # The same with an integer key, which is the fastest that SQLite has.
        database.execute(f"CREATE TABLE numbered (id INTEGER PRIMARY KEY, {names})")
        rows = zip(range(len(arch_ids)), *(column.tolist() for column in columns), strict=True)
        database.executemany("INSERT INTO numbered VALUES (?, ?, ?, ?)", rows)


def make_nats(path: Path) -> None:
    """Writes invented results for NATS-Bench's 15,625 cells as its API reads them."""
    from nats_bench.api_utils import ArchResults, ResultsCount, pickle_save

    rng, infos = np.random.default_rng(0), {}
    cells = [_nats_cell(ops) for ops in itertools.product(_NATS_OPS, repeat=6)]
    for number, cell in enumerate(cells):
        accuracy, megaflops, latency = map(float, rng.uniform(1, 90, 3))
        trial = ResultsCount(
            NATS_DATA, None, {11: accuracy}, {11: 1.0}, 0.5, megaflops, None, 777, 12, [latency]
        )
        trial.train_acc5es = {11: accuracy}
        trial.eval_names = ["x-valid", "ori-test"]
        for name in trial.eval_names:
            trial.eval_acc1es[f"{name}@11"] = accuracy
            trial.eval_losses[f"{name}@11"] = 1.0
        results = ArchResults(number, cell)
        results.all_results = {(NATS_DATA, 777): trial}
        results.dataset_seed = {NATS_DATA: [777]}
        infos[number] = {NATS_HP: results.state_dict()}
    table = {"meta_archs": cells, "arch2infos": infos, "evaluated_indexes": list(range(len(cells)))}
    pickle_save(table, str(path).removesuffix(".pbz2"))


def _nats_cell(ops: tuple[str, ...]) -> str:
    a, b, c, d, e, f = ops
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def main(folder: Path, rows: int = 1_000_000, large: int = 10_000_000) -> None:
    """Makes what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    table = open_table(make_table(folder, rows))
    if not (folder / "rows.parquet").exists():
        export_rows(table, folder / "rows.parquet", columns=COLUMNS)
    if not (folder / "rows.sqlite").exists():
        arch_ids = SPACE.arch_ids(table.genotypes())
        make_sqlite(folder / "rows.sqlite", arch_ids, [table.column(name) for name in COLUMNS])
    try:
        import nats_bench  # noqa: F401
    except ImportError:
        print("nats-bench is not installed: pip install nats-bench")
    else:
        if not (folder / "nats.pickle.pbz2").exists():
            make_nats(folder / "nats.pickle.pbz2")
    if large:
        make_table(folder, large)
    for path in sorted(folder.iterdir()):
        if path.is_file():
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    typer.run(main)
