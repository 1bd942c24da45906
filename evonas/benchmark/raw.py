"""The raw runs of a comparison as one Parquet file: a row a run, its whole curve in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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


def write_raw(path: Path, results: Sequence[RunResult]) -> None:
    """Writes runs that did not fail, atomically.

    Raises:
        MissingPackageError: pyarrow is not installed.
    """
    pq = parquet()
    import pyarrow as pa

    from evonas.files import atomic_file

    done = [result for result in results if not result.error]
    keys = [result.key for result in done]
    table = pa.table(
        {
            "problem": pa.array([k.problem for k in keys]).dictionary_encode(),
            "checksum": pa.array([r.checksum for r in done]).dictionary_encode(),
            "algorithm": pa.array([k.algorithm for k in keys]).dictionary_encode(),
            "seed": pa.array([k.seed for k in keys], pa.int32()),
            "evaluations": pa.array([k.evaluations for k in keys], pa.int32()),
            "population": pa.array([k.population for k in keys], pa.int32()),
            "seconds": pa.array([r.seconds for r in done], pa.float64()),
            "improved_at": pa.array([r.improved_at for r in done], pa.list_(pa.int32())),
            "improved_to": pa.array([r.improved_to for r in done], pa.list_(pa.float64())),
        }
    )
    with atomic_file(path) as stream:
        pq.write_table(table, stream, compression="zstd")


def read_raw(path: Path) -> list[RawRun]:
    """Reads a file of `write_raw`.

    Raises:
        MissingPackageError: pyarrow is not installed.
        SchemaError: It is none, or too large.
    """
    table = read_parquet(path, _COLUMNS, _MOST_RUNS)
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
