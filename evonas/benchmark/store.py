"""The shipped file of problems: frozen columns, and each problem's points and front, in HDF5.

columns/SPACE/COLUMN      values over cells or genotypes; attributes kind, source, file, checksum
problems/SPACE/WHAT       front, genotypes, ideal, nadir; attributes version, exact, ...
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.benchmark.definition import ProblemDefinition
from evonas.errors import SchemaError
from evonas.paths import shipped_data
from evonas.space import Genotypes, SearchSpace, load_space

SCHEMA = 1
Kind = Literal["cells", "rows", "surrogate"]


@dataclass(frozen=True, slots=True, eq=False)
class ColumnRecord:
    """A column that does not follow from the space alone.

    Attributes:
        kind: What `values` are over: the layers' `cells`, or the `rows` of all genotypes; or the
            column is a `surrogate`'s, in a file of its own.
        source: Where the numbers come from: `predicted`, `analytic`, `supernet`, ...
        values: (n,), empty for a surrogate.
        file: Path of the surrogate in `benchmark_data`.
        checksum: Of the numbers.
        errors: What is known of them.
    """

    kind: Kind
    source: str
    values: Floats
    checksum: str
    file: str = ""
    errors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Makes what all problems of a process share unchangeable."""
        self.values.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class ProblemRecord:
    """What is known of a problem's solution, values in the objectives' own directions.

    Attributes:
        version: Of the definition.
        exact: Whether the front is the true one, not the best known.
        method: How it was found.
        size: Number of points of the whole front.
        volume: Normalised hypervolume of the whole front.
        ideal: (m,).
        nadir: (m,).
        front: (k, m) the front, or points that stand for it.
        genotypes: (k, n_genes) networks of these points.
        checksum: Of all this, the definition and the columns.
    """

    version: int
    exact: bool
    method: str
    size: int
    volume: float
    ideal: Floats
    nadir: Floats
    front: Floats
    genotypes: Genotypes
    checksum: str

    def __post_init__(self) -> None:
        """Makes what all problems of a process share unchangeable."""
        for array in (self.ideal, self.nadir, self.front, self.genotypes):
            array.flags.writeable = False


def problems_path(folder: Path | None = None) -> Path:
    """Returns the file of problems in a folder of shipped data."""
    return (folder or shipped_data()) / "problems" / "problems.h5"


def problem_checksum(
    definition: ProblemDefinition,
    space: SearchSpace,
    columns: Mapping[str, ColumnRecord],
    record: ProblemRecord,
) -> str:
    """Returns the hash of a problem: its definition, the numbers it is made of, its solution."""
    digest = hashlib.sha256(definition.definition().encode() + space.fingerprint.encode())
    for name in sorted(columns):
        digest.update(f"{name} {columns[name].checksum}".encode())
    digest.update(repr((record.exact, record.size, record.volume)).encode())
    for values in (record.ideal, record.nadir, record.front, record.genotypes):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]


def values_checksum(values: Floats) -> str:
    """Returns the hash of a column's numbers."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


@lru_cache(maxsize=4)
def read_problems(
    path: Path,
) -> tuple[dict[str, dict[str, ColumnRecord]], dict[str, ProblemRecord]]:
    """Returns the columns by space and name, and the problems by name.

    Raises:
        SchemaError: The file is missing, damaged or of a newer schema.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            if file.attrs["schema"] > SCHEMA:
                raise SchemaError(
                    f"{path}: schema {file.attrs['schema']}; this evonas reads {SCHEMA}"
                )
            columns = {
                space: {name: _column(data) for name, data in group.items()}
                for space, group in file["columns"].items()
            }
            problems = {
                f"{space}/{what}": _problem(group)
                for space, groups in file["problems"].items()
                for what, group in groups.items()
            }
    except FileNotFoundError as error:
        raise SchemaError(
            f"{path}: no such file; it is made by scripts/build/problems.py"
        ) from error
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise SchemaError(f"{path}: not a file of problems ({error})") from error
    return columns, problems


def write_problems(
    path: Path,
    columns: Mapping[str, Mapping[str, ColumnRecord]],
    problems: Mapping[str, ProblemRecord],
) -> None:
    """Writes the file, atomically."""
    import h5py

    from evonas.files import atomic_file

    with atomic_file(path) as stream, h5py.File(stream, "w") as file:
        file.attrs["schema"] = SCHEMA
        for space, by_name in columns.items():
            for name, column in by_name.items():
                data = _dataset(file, f"columns/{space}/{name}", column.values)
                data.attrs.update(_attributes(column, ("kind", "source", "file", "checksum")))
                data.attrs["errors"] = json.dumps(dict(column.errors))
        for name, problem in problems.items():
            group = file.create_group(f"problems/{name}")
            scalars = ("version", "exact", "method", "size", "volume", "checksum")
            group.attrs.update(_attributes(problem, scalars))
            for array in ("ideal", "nadir", "front", "genotypes"):
                _dataset(group, array, getattr(problem, array))
    read_problems.cache_clear()


def check_record(
    name: str,
    definition: ProblemDefinition,
    record: ProblemRecord,
    columns: Mapping[str, ColumnRecord],
) -> None:
    """Refuses a problem whose numbers are not those that its checksum was made of.

    Raises:
        SchemaError: They differ.
    """
    found = problem_checksum(definition, load_space(definition.space), columns, record)
    if record.version != definition.version or found != record.checksum:
        raise SchemaError(
            f"problem {name!r}: version {record.version} with checksum {record.checksum} is "
            f"shipped, but its definition and data are version {definition.version} with "
            f"{found}; build it again with scripts/build/problems.py"
        )


def _attributes(record: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _dataset(place: Any, name: str, values: NDArray[Any]) -> Any:
    options = {"compression": "gzip", "compression_opts": 9, "shuffle": True} if values.size else {}
    return place.create_dataset(name, data=values, **options)


def _column(data: Any) -> ColumnRecord:
    attributes = dict(data.attrs)
    errors = json.loads(attributes.pop("errors"))
    return ColumnRecord(values=data[()], errors=errors, **attributes)


def _problem(group: Any) -> ProblemRecord:
    arrays = {name: data[()] for name, data in group.items()}
    attributes = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in group.attrs.items()
    }
    return ProblemRecord(**arrays, **attributes)
