"""Rows as text: CSV, where a missing value is an empty field, and JSON lines, where it is null."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from evonas.errors import DataError
from evonas.limits import csv_text, from_csv_text, parse_json, printable
from evonas.numbers import read_number
from evonas.table.part import Floats

Batches = Iterable[tuple[Sequence[str], Mapping[str, Floats]]]
_CSV, _JSON_LINES = ".csv", ".jsonl"
_SHOWN = 40  # characters of what is not accepted


def _write_csv(file: BinaryIO, names: Sequence[str], batches: Batches) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arch_id", *map(csv_text, names)])
    for arch_ids, columns in batches:
        values = [["" if v != v else v for v in columns[name].tolist()] for name in names]
        writer.writerows(zip(map(csv_text, arch_ids), *values, strict=True))
        file.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()
    file.write(text.getvalue().encode())


def _write_json_lines(file: BinaryIO, names: Sequence[str], batches: Batches) -> None:
    for arch_ids, columns in batches:
        values = [[None if v != v else v for v in columns[name].tolist()] for name in names]
        for row in zip(arch_ids, *values, strict=True):
            record = dict(zip(["arch_id", *names], row, strict=True))
            file.write(json.dumps(record).encode() + b"\n")


# By the end of the file's name; how each is written.
TEXT_FORMATS: dict[str, Callable[[BinaryIO, Sequence[str], Batches], None]] = {
    _CSV: _write_csv,
    _JSON_LINES: _write_json_lines,
}


def read_text(path: Path) -> tuple[list[str], dict[str, Floats]]:
    """Returns the identifiers and the columns, (n,) each, of a CSV or JSON lines file.

    Raises:
        DataError: It has no `arch_id`, or something that is no number; the message says where.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path}: not a regular file")
    with open(path, encoding="utf-8-sig", newline="") as file:
        try:
            return _read_csv(file, path) if path.suffix == _CSV else _read_json_lines(file, path)
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path}: no text of that format ({error})") from error


def _read_csv(file: io.TextIOBase, path: Path) -> tuple[list[str], dict[str, Floats]]:
    lines = csv.reader(file)
    names = [from_csv_text(name) for name in next(lines, [])]
    if names.count("arch_id") != 1 or len(set(names)) < len(names):
        raise DataError(f"{path}: the first line must name the columns, one of them 'arch_id'")
    at = names.index("arch_id")
    arch_ids, rows = [], []
    for line in lines:
        if not any(field.strip() for field in line) and len(line) <= 1:
            continue  # a blank line
        if len(line) != len(names):
            where = f"{path}, line {lines.line_num}"
            raise DataError(f"{where}: {len(line)} fields, the first line has {len(names)}")
        arch_ids.append(from_csv_text(line.pop(at)))
        rows.append(line)
    del names[at]
    return arch_ids, {
        name: _numbers([row[i] for row in rows], name, path) for i, name in enumerate(names)
    }


def _read_json_lines(file: io.TextIOBase, path: Path) -> tuple[list[str], dict[str, Floats]]:
    arch_ids: list[str] = []
    columns: dict[str, list[Any]] = {}
    for at, line in enumerate(file, start=1):
        if not line.strip():
            continue
        record = parse_json(line, f"{path}, line {at}")
        if not isinstance(record, dict) or not isinstance(record.get("arch_id"), str):
            raise DataError(f"{path}, line {at}: an object with an 'arch_id' is expected")
        arch_ids.append(record.pop("arch_id"))
        for name, value in record.items():
            given = columns.setdefault(name, [])
            given += [None] * (len(arch_ids) - 1 - len(given))
            given.append(value)
    n = len(arch_ids)
    return arch_ids, {
        name: _numbers(values + [None] * (n - len(values)), name, path)
        for name, values in columns.items()
    }


def _numbers(values: Sequence[Any], name: str, path: Path) -> Floats:
    numbers = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value is None or value == "":
            continue
        number = read_number(value)
        if number is None:
            raise DataError(
                f"{path}, row {row + 1}: {printable(name)!r} is {printable(repr(value))}, "
                "expected a number or nothing"
            )
        numbers[row] = number
    return numbers
