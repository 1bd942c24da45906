"""Raw runs of the search algorithms on the problems, which are shipped: curves to be held against.

`problems/baselines.csv.gz` has a line for each number of evaluations of each run. It is made of
`evonas bench compare` by `python -m scripts.build.baselines`.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from evonas.benchmark.runs import RunResult
from evonas.errors import SchemaError
from evonas.files import write_atomically
from evonas.paths import shipped_data

_COLUMNS = ["problem", "checksum", "algorithm", "seed", "evaluations", "hypervolume"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The curve of one run.

    Attributes:
        algorithm: Name.
        seed: Of the run.
        at: Increasing numbers of evaluations.
        hypervolume: After each, over that of the known front.
    """

    algorithm: str
    seed: int
    at: tuple[int, ...]
    hypervolume: tuple[float, ...]


def baselines_path(folder: Path | None = None) -> Path:
    """Returns the file in a folder of shipped data."""
    return (folder or shipped_data()) / "problems" / "baselines.csv.gz"


def load_baselines(problem: str, checksum: str, folder: Path | None = None) -> list[Baseline]:
    """Returns the shipped runs on a problem as it is now; none if there are none.

    Args:
        problem: Name.
        checksum: Of the problem: runs on another version of it are not its baselines.
        folder: Folder of shipped data; the installation's if None.

    Raises:
        SchemaError: The file is damaged.
    """
    return read_baselines(baselines_path(folder)).get((problem, checksum), [])


def read_baselines(path: Path) -> dict[tuple[str, str], list[Baseline]]:
    """Returns the runs of a file by problem and checksum; none if there is no file.

    Raises:
        SchemaError: The file is damaged.
    """
    return _read(path, path.stat().st_mtime_ns) if path.exists() else {}


def write_baselines(
    path: Path,
    results: Iterable[RunResult],
    kept: Mapping[tuple[str, str], Iterable[Baseline]] = MappingProxyType({}),
) -> None:
    """Writes the runs that did not fail, atomically; the same runs give the same file.

    Args:
        path: File.
        results: Runs.
        kept: More of them, as `read_baselines` gives them.
    """
    runs: dict[tuple[str, str, str, int], tuple[Sequence[int], Sequence[float]]] = {
        (r.key.problem, r.checksum, r.key.algorithm, r.key.seed): (r.at, r.hypervolume)
        for r in results
        if not r.error
    }
    for (problem, checksum), baselines in kept.items():
        runs |= {(problem, checksum, b.algorithm, b.seed): (b.at, b.hypervolume) for b in baselines}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for key, (at, volumes) in sorted(runs.items()):
        for n, volume in zip(at, volumes, strict=True):
            rows.writerow([*key, n, f"{volume:.6g}"])
    write_atomically(path, gzip.compress(text.getvalue().encode(), mtime=0))


@lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> dict[tuple[str, str], list[Baseline]]:
    curves: dict[tuple[str, str, str, int], list[tuple[int, float]]] = {}
    try:
        with gzip.open(path, "rt") as file:
            for row in csv.DictReader(file):
                key = (row["problem"], row["checksum"], row["algorithm"], int(row["seed"]))
                point = int(row["evaluations"]), float(row["hypervolume"])
                curves.setdefault(key, []).append(point)
    except (OSError, EOFError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise SchemaError(f"{path}: not a file of baselines ({error})") from error
    found: dict[tuple[str, str], list[Baseline]] = {}
    for (problem, checksum, algorithm, seed), points in curves.items():
        at, volumes = zip(*points, strict=True)
        found.setdefault((problem, checksum), []).append(Baseline(algorithm, seed, at, volumes))
    return found
