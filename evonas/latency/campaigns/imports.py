"""A user's own device, the way back: a CSV file of measured networks, checked row by row."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evonas.errors import ConfigurationError, DataError, GenotypeError
from evonas.latency.devices import check_own_name
from evonas.latency.own_npu import npu_path
from evonas.latency.predictors.adapt import DataDir, nearest_device
from evonas.latency.predictors.predictor import load_predictor
from evonas.latency.store import ROLES, Measurements
from evonas.limits import MAX_OWN_BYTES, printable, read_limited
from evonas.numbers import read_number
from evonas.space import Genotypes, SearchSpace

# Milliseconds a unit.
UNITS = {"s": 1e3, "ms": 1.0, "us": 1e-3}
FEWEST = 20
_COLUMNS = ("arch_id", "latency", "unit")
_SHOWN = 10
# Under this name a device's versions tell the number of rows without a latency.
SKIPPED = "rows_without_latency"
# What `bench_device.py` writes besides: times in the row's unit, and how the device was set.
_TIMES = ("low", "high", "reference")
_VARYING = ("governor",)
_SETTINGS = ("runtime", "threads", "machine", *_VARYING)
# An outlier is so many robust deviations and at least this factor off the other rows, or the
# largest factor, however wide they scatter.
_DEVIATIONS, _FACTOR, _LARGEST_FACTOR = 8.0, 2.0, 30.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a row of a file, counted from 1 with the header; 0 is the whole file."""

    row: int
    message: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.message}" if self.row else self.message


class FaultyRowsError(DataError):
    """A file of measurements was not imported; `faults` has all that is wrong in it."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        shown = [str(fault) for fault in faults[:_SHOWN]]
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        super().__init__("\n  ".join([f"{name}: not imported", *shown, *more]))
        self.faults = tuple(faults)


def read_results(
    path: Path, device: str, space: SearchSpace, data_dir: DataDir = None, force: bool = False
) -> Measurements:
    """Reads the measurements of a device that evonas does not know; see `check_results`."""
    check_own_name(device)
    content = read_limited(path, MAX_OWN_BYTES)
    return check_results(content, str(path), device, space, data_dir, force)


def check_results(
    content: bytes,
    name: str,
    device: str,
    space: SearchSpace,
    data_dir: DataDir = None,
    force: bool = False,
) -> Measurements:
    """Reads and checks the measurements of a device that evonas does not know.

    Rows without a latency, those of a campaign that has not ended, are left out and counted in
    the measurements' `versions`. Quartiles (`low`, `high`), the reference network's time and the
    device's settings, as `bench_device.py` writes them, are taken up where they are there.

    Args:
        content: CSV in UTF-8 with the columns `arch_id`, `latency` and `unit`.
        name: What messages call it.
        device: Name for the device: lower-case letters, digits and hyphens.
        space: The space of the networks.
        data_dir: Folder with the known devices' predictors.
        force: Take times that are all equal or far from what the other rows let expect.

    Raises:
        ConfigurationError: The device's name cannot be used.
        FaultyRowsError: Rows have faults.
        DataError: It is no such file.
    """
    check_own_name(device)
    if npu_path(device, data_dir).exists():
        raise ConfigurationError(f"device name {device!r} is taken by an NPU of yours")
    faults: list[Fault] = []
    found: dict[bytes, tuple[int, Genotypes, dict[str, float]]] = {}
    settings: dict[str, set[str]] = {name: set() for name in _SETTINGS}
    skipped = 0
    for line, row in _rows(content, name):
        if not row["latency"]:
            skipped += 1
            continue
        try:
            genotype, figures = _genotype(row, space), _figures(row)
        except (DataError, GenotypeError) as error:
            faults.append(Fault(line, str(error)))
            continue
        key = genotype.tobytes()
        if key in found:
            faults.append(Fault(line, f"{row['arch_id']} is also in row {found[key][0]}"))
            continue
        found[key] = line, genotype, figures
        for setting, texts in settings.items():
            texts.add(row.get(setting, ""))
    faults += [
        Fault(0, f"{name} differs: {_listed(texts)}; figures of both do not mix")
        for name, texts in settings.items()
        if len(texts) > 1 and name not in _VARYING
    ]
    if not faults and len(found) < FEWEST:
        empty = f", {skipped} rows have no latency" if skipped else ""
        message = f"{len(found)} measured networks{empty}: at least {FEWEST} are required"
        faults.append(Fault(0, message))
    if not faults:
        said = {name: _listed(texts) for name, texts in settings.items() if texts - {""}}
        versions = {"imported": "csv", SKIPPED: str(skipped), **said}
        measurements = _measurements(device, space, list(found.values()), versions)
        lines = np.array([line for line, _, _ in found.values()])
        if not force:
            faults = list(_doubts(measurements, lines, data_dir))
    if faults:
        raise FaultyRowsError(name, faults)
    return measurements


def _rows(content: bytes, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields line numbers and rows."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{name}: not a text file in UTF-8") from None
    reader = csv.DictReader(text.splitlines())
    missing = set(_COLUMNS) - set(reader.fieldnames or ())
    if missing:
        raise DataError(
            f"{name}: no column {', '.join(sorted(missing))}; needed are {', '.join(_COLUMNS)}"
        )
    for row in reader:
        yield (
            reader.line_num,
            {name: (row.get(name) or "").strip() for name in reader.fieldnames or ()},
        )


def _genotype(row: dict[str, str], space: SearchSpace) -> Genotypes:
    genotype: Genotypes = space.genotypes([row["arch_id"]])[0]
    return genotype


def _figures(row: dict[str, str]) -> dict[str, float]:
    """Returns what was measured of a network, as columns of measurements; NaN where not told."""
    if row["unit"] not in UNITS:
        raise DataError(f"unit {row['unit']!r}; allowed are {', '.join(UNITS)}")
    times = {name: _milliseconds(row, name) for name in ("latency", *_TIMES)}
    figures = {"latency_ms": times["latency"], "reference_ms": times["reference"]}
    return figures | {"spread": (times["high"] - times["low"]) / times["latency"]}


def _milliseconds(row: dict[str, str], name: str) -> float:
    text = row.get(name, "")
    if not text:
        return np.nan
    value = read_number(text)
    if value is None:
        raise DataError(f"{name} {text[:40]!r} is not a number")
    if not np.isfinite(value) or value <= 0:
        raise DataError(f"{name} {text[:40]} must be a finite number above 0")
    return value * UNITS[row["unit"]]


def _listed(texts: set[str]) -> str:
    return printable(", ".join(sorted(text or "none" for text in texts)), 100)


def _measurements(
    device: str,
    space: SearchSpace,
    rows: list[tuple[int, Genotypes, dict[str, float]]],
    versions: dict[str, str],
) -> Measurements:
    columns = {name: np.array([figures[name] for _, _, figures in rows]) for name in rows[0][2]}
    columns["role"] = np.full(len(rows), float(ROLES.index("random")))
    for name in ("reference_ms", "spread"):
        if np.isnan(columns[name]).any():  # told of some rows only, or of none
            del columns[name]
    genotypes = np.stack([genotype for _, genotype, _ in rows])
    return Measurements(space, device, genotypes, columns, "measured", versions)


def _doubts(
    measurements: Measurements, lines: NDArray[np.intp], data_dir: DataDir
) -> Iterator[Fault]:
    """Yields the rows whose times are far from proportional to the nearest known device's."""
    if np.ptp(measurements.latency_ms) == 0:
        yield Fault(0, f"all {len(lines)} latencies are equal; --force takes them all the same")
        return
    nearest = nearest_device(measurements, data_dir)
    if not nearest:
        return
    known = load_predictor(nearest, measurements.space, data_dir)
    off = np.log(measurements.latency_ms / known.predict(measurements.genotypes))
    off -= np.median(off)
    spread = _DEVIATIONS * float(np.median(np.abs(off))) * 1.48
    limit = min(max(spread, np.log(_FACTOR)), np.log(_LARGEST_FACTOR))
    for row in np.flatnonzero(np.abs(off) > limit):
        yield Fault(
            int(lines[row]),
            f"{measurements.latency_ms[row]:.4g} ms is {np.exp(off[row]):.2g} "
            f"times what the other rows and {nearest} let expect; measure again, delete it, or "
            "take it with --force",
        )
