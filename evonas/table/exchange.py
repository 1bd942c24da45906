"""Tables to CSV, JSON lines, Parquet and pandas, and back.

Values are written so that reading gives the same bits. What a text file cannot carry, the
provenance of its columns, stands beside it in `FILE.card.json`; a Parquet file carries it itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from evonas.errors import ConfigurationError, DataError, MissingPackageError, SchemaError
from evonas.files import atomic_file, check_place, read_json, write_atomically
from evonas.space import SearchSpace, load_space
from evonas.table.doors import REFUSE, number_column, once
from evonas.table.merge import resolved
from evonas.table.part import Floats, Provenance
from evonas.table.rows import slices
from evonas.table.table import BenchmarkTable
from evonas.table.text import TEXT_FORMATS, read_text

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 65_536
_PARQUET = ".parquet"
FORMATS = (*TEXT_FORMATS, _PARQUET)


@dataclass(frozen=True, slots=True)
class Exported:
    """Rows of a file of another format.

    Attributes:
        arch_ids: (n,) identifiers.
        columns: (n,) values each, NaN where missing.
        card: `space`, `fingerprint` and `provenance` by column, where the file tells.
    """

    arch_ids: Sequence[str]
    columns: Mapping[str, Floats]
    card: Mapping[str, Any]


def export_rows(
    table: BenchmarkTable,
    path: Path,
    rows: NDArray[np.intp] | None = None,
    columns: Sequence[str] | None = None,
    space: SearchSpace | str | None = None,
) -> int:
    """Writes rows, all by default, as the format that the file's name tells; returns how many.

    Raises:
        ConfigurationError: No such format, no such column, pyarrow is missing, or a file that is no
            export of a table is there.
        DataError: The place cannot be written.
    """
    _check_format(path)
    check_place(path, _is_export, "export of a table")
    home = load_space(table.only_space(space))
    names = list(columns or table.columns(home))
    values = {name: table.column(name, home) for name in names}
    rows = np.arange(table.count(home)) if rows is None else rows
    card = {
        "space": home.name,
        "fingerprint": table.fingerprint(home),
        "provenance": {name: dict(table.provenance(name, home)) for name in names},
    }
    genotypes = table.genotypes(home)
    batches = (
        (home.arch_ids(genotypes[rows[b]]), {n: v[rows[b]] for n, v in values.items()})
        for b in slices(len(rows), _BATCH)
    )
    with atomic_file(path) as file:
        if path.suffix == _PARQUET:
            _write_parquet(file, names, batches, card)
        else:
            TEXT_FORMATS[path.suffix](file, names, batches)
    if path.suffix != _PARQUET:
        write_atomically(_card_path(path), (json.dumps(card, indent=2) + "\n").encode())
    return len(rows)


def import_rows(
    table: BenchmarkTable,
    path: Path,
    provenance: Provenance | None = None,
    on_conflict: str = REFUSE,
) -> int:
    """Adds the rows of a file to a folder table, all or none; returns how many.

    Args:
        table: Gets the rows.
        path: A file as `export_rows` writes it, or of one's own making: a column `arch_id`, and
            columns of numbers.
        provenance: Of all columns; needed where the file does not tell.
        on_conflict: What happens to different values of one architecture and column, in the file
            or in the file and the table: `refuse` the file, `keep` the first, or `replace` it.

    Raises:
        ConfigurationError: No such format or rule, or pyarrow is missing.
        DataError: Not such a file, its provenance is not known, a value that its column may not
            hold, or different values that the rule refuses.
        GenotypeError: An `arch_id` that is none.
    """
    _check_format(path)
    try:
        given = _read_parquet(path) if path.suffix == _PARQUET else _read_text(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return _append(table, str(path), given, provenance, on_conflict)


def append_pandas(
    table: BenchmarkTable,
    frame: "pd.DataFrame",
    provenance: Provenance | None = None,
    on_conflict: str = REFUSE,
) -> int:
    """Adds a frame, as `BenchmarkTable.to_pandas` gives it, to a folder table; returns its rows.

    Args:
        table: Gets the rows.
        frame: `arch_id` is its index, or one of its columns; the others are numbers.
        provenance: Of all columns; needed where `frame.attrs["provenance"]` does not tell.
        on_conflict: See `import_rows`.

    Raises:
        DataError: No such frame; see `import_rows`.
        GenotypeError: An `arch_id` that is none.
    """
    if "arch_id" in frame.columns:
        frame = frame.set_index("arch_id")
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise DataError("frame: two columns have one name")
    columns = {
        str(name): number_column(str(name), frame[name].to_numpy()) for name in frame.columns
    }
    arch_ids = [str(arch_id) for arch_id in frame.index]
    card = {"provenance": frame.attrs.get("provenance", {})}
    return _append(table, "frame", Exported(arch_ids, columns, card), provenance, on_conflict)


def _append(
    table: BenchmarkTable,
    where: str,
    given: Exported,
    provenance: Provenance | None,
    on_conflict: str,
) -> int:
    if not len(given.arch_ids):
        raise DataError(f"{where}: no rows")
    space = load_space(given.arch_ids[0].partition(":")[0])
    if given.card.get("fingerprint", space.fingerprint) != space.fingerprint:
        raise SchemaError(f"{where}: rows of another definition of the space {space.name!r}")
    told = given.card.get("provenance", {})
    if not isinstance(told, Mapping) or not all(isinstance(p, Mapping) for p in told.values()):
        raise DataError(f"{where}: its card has no provenance by column")
    known = {name: provenance or told.get(name) for name in given.columns}
    unknown = [name for name, found in known.items() if not found]
    if unknown:
        raise DataError(
            f"{where}: nothing says where the values of {unknown[0]!r} come from; "
            "name their source: --source supernet|trained|measured|predicted|..."
        )
    genotypes = space.genotypes(given.arch_ids)
    texts = {
        name: {str(key): str(value) for key, value in (found or {}).items()}
        for name, found in known.items()
    }
    rows = once(space, genotypes, given.columns, texts, where, on_conflict)
    table.refresh()
    table.append_rows([resolved(table, where, rows, on_conflict)], where=where)
    return len(genotypes)


def _check_format(path: Path) -> None:
    if path.suffix not in FORMATS:
        raise ConfigurationError(f"{path}: the name must end in {', '.join(FORMATS)} or .h5")


def _is_export(path: Path) -> bool:
    if path.suffix != _PARQUET:
        return "provenance" in read_json(_card_path(path), "the card of an export")
    try:
        return b"evonas" in (_pyarrow().parquet.read_schema(path).metadata or {})
    except ValueError:  # as which pyarrow raises what is no such file
        return False


def _card_path(path: Path) -> Path:
    return path.with_name(path.name + ".card.json")


def _read_text(path: Path) -> Exported:
    arch_ids, columns = read_text(path)
    try:
        card = json.loads(_card_path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        card = {}
    except (ValueError, RecursionError) as error:
        raise DataError(f"{_card_path(path)}: not JSON ({error})") from error
    if not isinstance(card, dict):
        raise DataError(f"{_card_path(path)}: no JSON object")
    return Exported(arch_ids, columns, card)


# --- Parquet ------------------------------------------------------------------------------------


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingPackageError("pyarrow", "tables") from error
    return pyarrow


def _write_parquet(
    file: BinaryIO, names: Sequence[str], batches: Any, card: Mapping[str, Any]
) -> None:
    arrow = _pyarrow()
    fields = [("arch_id", arrow.string()), *((name, arrow.float64()) for name in names)]
    schema = arrow.schema(fields, metadata={b"evonas": json.dumps(card).encode()})
    with arrow.parquet.ParquetWriter(file, schema) as writer:
        for arch_ids, columns in batches:
            arrays = [arch_ids, *(columns[name] for name in names)]
            writer.write_table(arrow.table(dict(zip(schema.names, arrays, strict=True)), schema))


def _read_parquet(path: Path) -> Exported:
    arrow = _pyarrow()
    try:
        read = arrow.parquet.read_table(path)
        card = json.loads((read.schema.metadata or {}).get(b"evonas", b"{}"))
        arch_ids = read.column("arch_id").to_pylist()
        columns = {
            name: read.column(name).cast(arrow.float64()).to_numpy().copy()
            for name in read.column_names
            if name not in ("arch_id", "__index_level_0__")
        }
        if not isinstance(card, dict) or not all(isinstance(name, str) for name in arch_ids):
            raise ValueError("arch_id or its card is of another type")
    except (arrow.ArrowException, KeyError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a table of architectures ({reason})") from error
    return Exported(arch_ids, columns, card)
