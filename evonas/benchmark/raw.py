"""Raw runs of searches as one Parquet file: a row a run, its whole curve in it.

Ours on the shipped problems are `problems/runs.parquet`, to be held against.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evonas.arrays import Floats
from evonas.benchmark.runs import RunKey, RunResult, mean_hypervolume, reached
from evonas.errors import MissingPackageError, SchemaError
from evonas.paths import shipped_data

_MOST_BYTES, _MOST_RUNS = 1 << 28, 1_000_000
_COLUMNS = ("problem", "checksum", "algorithm", "seed", "evaluations", "population", "seconds",
            "improved_at", "improved_to")  # fmt: skip


@dataclass(frozen=True, slots=True)
class RawRun:
    """One run: at which evaluations the hypervolume grew, and what to.

    Attributes:
        key: Which run it is.
        checksum: Of the problem.
        seconds: Time of the processor that the search took.
        improved_at: Numbers of evaluations, counted from 1.
        improved_to: Hypervolume over that of the front; exact.
    """

    key: RunKey
    checksum: str
    seconds: float
    improved_at: Sequence[int]
    improved_to: Sequence[float]

    def reached(self, share: float) -> float:
        """Returns the first evaluation after which that share of the front's volume was there."""
        return reached(self.improved_at, self.improved_to, share)

    def mean_hypervolume(self, evaluations: int) -> float:
        """Returns the mean of what was there after 1, 2, ... evaluations."""
        return mean_hypervolume(self.improved_at, self.improved_to, evaluations)

    def hypervolume_after(self, evaluations: ArrayLike) -> Floats:
        """Returns (n,) the hypervolume after each of (n,) numbers of evaluations."""
        grown = np.array([0.0, *self.improved_to])
        there: Floats = grown[np.searchsorted(self.improved_at, evaluations, side="right")]
        return there


def succeeded(results: Iterable[RunResult]) -> list[RawRun]:
    """Returns the runs that did not fail."""
    return [
        RawRun(r.key, r.checksum, r.seconds, r.improved_at, r.improved_to)
        for r in results
        if not r.error
    ]


def raw_path(folder: Path | None = None) -> Path:
    """Returns the shipped runs in a folder of shipped data."""
    return (folder or shipped_data()) / "problems" / "runs.parquet"


def parquet() -> Any:
    """Returns `pyarrow.parquet`.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingPackageError("pyarrow", "tables") from None
    return pq


def write_raw(path: Path, runs: Sequence[RawRun]) -> None:
    """Writes runs, atomically.

    Raises:
        MissingPackageError: pyarrow is not installed.
    """
    pq = parquet()
    import pyarrow as pa

    from evonas.files import atomic_file

    keys = [run.key for run in runs]
    table = pa.table(
        {
            "problem": pa.array([k.problem for k in keys]).dictionary_encode(),
            "checksum": pa.array([r.checksum for r in runs]).dictionary_encode(),
            "algorithm": pa.array([k.algorithm for k in keys]).dictionary_encode(),
            "seed": pa.array([k.seed for k in keys], pa.int32()),
            "evaluations": pa.array([k.evaluations for k in keys], pa.int32()),
            "population": pa.array([k.population for k in keys], pa.int32()),
            "seconds": pa.array([r.seconds for r in runs], pa.float64()),
            "improved_at": pa.array([r.improved_at for r in runs], pa.list_(pa.int32())),
            "improved_to": pa.array([r.improved_to for r in runs], pa.list_(pa.float64())),
        }
    )
    with atomic_file(path) as stream:
        pq.write_table(table, stream, compression="zstd")


def merged_raw(path: Path, runs: Sequence[RawRun]) -> list[RawRun]:
    """Returns a file's runs with those of the same problems by the same algorithms replaced.

    Returns:
        By problem, algorithm and seed; the new ones alone if there is no file.

    Raises:
        MissingPackageError: pyarrow is not installed.
        SchemaError: The file is none of runs.
    """
    new = {(run.key.problem, run.key.algorithm) for run in runs}
    there = read_raw(path) if path.exists() else []
    kept = [run for run in there if (run.key.problem, run.key.algorithm) not in new]
    return sorted([*kept, *runs], key=lambda r: (r.key.problem, r.key.algorithm, r.key.seed))


def read_raw(path: Path, problem: str | None = None) -> list[RawRun]:
    """Reads a file of `write_raw`.

    Args:
        path: File.
        problem: Name of the one whose runs are wanted; all if None.

    Raises:
        MissingPackageError: pyarrow is not installed.
        SchemaError: It is none, or too large.
    """
    table = read_parquet(path, _COLUMNS, _MOST_RUNS)
    if problem is not None:
        import pyarrow.compute as pc

        table = table.filter(pc.equal(table.column("problem").cast("string"), problem))
    columns = [table.column(name).to_pylist() for name in _COLUMNS]
    try:
        runs = [
            RawRun(RunKey(p, a, s, n, size), c, float(t), at, to)
            for p, c, a, s, n, size, t, at, to in zip(*columns, strict=True)
        ]
        for run in runs:
            if len(run.improved_at) != len(run.improved_to):
                raise ValueError("a curve's columns differ in length")
        return runs
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{path}: not a file of runs ({error})") from error


def read_parquet(path: Path, columns: Sequence[str], most_rows: int) -> Any:
    """Returns a Parquet file's columns as a pyarrow table.

    Raises:
        MissingPackageError: pyarrow is not installed.
        SchemaError: It is no such file, lacks a column, or has more than `most_rows` rows.
    """
    pq = parquet()
    import pyarrow as pa

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SchemaError(f"{path}: at most {_MOST_BYTES:,} bytes are read")
        file = pq.ParquetFile(path)
        if file.metadata.num_rows > most_rows:
            raise SchemaError(f"{path}: at most {most_rows:,} rows are read")
        missing = [name for name in columns if name not in file.schema_arrow.names]
        if missing:
            raise SchemaError(f"{path}: lacks the column {missing[0]!r}")
        return file.read(columns=list(columns))
    except (OSError, pa.ArrowException) as error:
        raise SchemaError(f"{path}: not a Parquet file ({error})") from error


def scores(runs: Sequence[RawRun], seeds: int, evaluations: int) -> np.ndarray[Any, Any]:
    """Returns (seeds,) mean hypervolumes of one algorithm on one problem, NaN without a run."""
    found = np.full(seeds, np.nan)
    for run in runs:
        if run.key.seed < seeds:
            found[run.key.seed] = run.mean_hypervolume(evaluations)
    return found
