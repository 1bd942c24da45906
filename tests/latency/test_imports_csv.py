import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evonas.cli import main
from evonas.errors import ConfigurationError, DataError
from evonas.latency import (
    FaultyRowsError,
    Measurements,
    fit_predictor,
    import_device,
    load_predictor,
    save_predictor,
    unseen_networks,
)
from evonas.latency.campaigns.imports import read_results
from evonas.latency.predictors.adapt import adapt
from evonas.space import load_space

Rows = list[list[str]]


def rows_of(measured: Measurements, scale: float = 2000.0) -> Rows:
    """A device half as fast, in microseconds."""
    ids = measured.space.arch_ids(measured.genotypes)
    return [[i, f"{scale * ms:.6f}", "us"] for i, ms in zip(ids, measured.latency_ms, strict=True)]


def write(path: Path, rows: Rows, header: str = "arch_id,latency,unit") -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return path


@pytest.mark.slow
def test_imported_device_predicts(measured: Measurements, tmp_path: Path) -> None:
    save_predictor(fit_predictor(measured, "linear"), tmp_path)
    path = write(tmp_path / "r.csv", rows_of(measured)[:24])
    found = import_device(path, "my-phone", "nano", tmp_path)
    # the known devices include the very formula
    assert found.adapted is not None
    assert found.adapted.mape < found.scratch.mape
    predicted = load_predictor("my-phone", "nano", tmp_path).predict(measured.genotypes)
    assert abs(predicted / (2 * measured.latency_ms) - 1).max() < 0.2
    with pytest.raises(DataError, match="fitted to all 24 measured networks"):
        unseen_networks("my-phone", "nano", tmp_path)


@pytest.mark.slow
def test_adaptation_names_the_nearest_device(measured: Measurements, tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", rows_of(measured)[:24])
    found = adapt(read_results(path, "my-phone", load_space("nano")), tmp_path)
    assert found.nearest == "edge-gpu"


def set_cell(row: int, column: int, value: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[row][column] = value

    return change


FAULTS: dict[str, tuple[Callable[[Rows], None], str]] = {
    "unknown arch_id": (set_cell(3, 0, "nano:zzz"), "row 5: arch_id 'nano:zzz'"),
    "other space": (
        set_cell(0, 0, "pico:0000000"),
        "row 2: .* does not belong to the space 'nano'",
    ),
    "unit": (set_cell(1, 2, "fps"), "row 3: unit 'fps'; allowed are s, ms, us"),
    "no number": (set_cell(1, 1, "fast"), "row 3: latency 'fast' is not a number"),
    "digits of another script": (set_cell(1, 1, "٣"), "row 3: latency '٣' is not a number"),
    "underscore": (set_cell(1, 1, "1_0"), "row 3: latency '1_0' is not a number"),
    "negative": (set_cell(1, 1, "-4"), "row 3: latency -4 must be a finite number above 0"),
    "not finite": (set_cell(1, 1, "inf"), "row 3: latency inf must be"),
    "duplicate": (lambda rows: rows.append(list(rows[2])), "is also in row 4"),
    "outlier": (set_cell(4, 1, "1e9"), "row 6: .* let expect"),
    "too few": (lambda rows: rows.__delitem__(slice(5, None)), "at least 20 are required"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_rows_are_named(measured: Measurements, tmp_path: Path, fault: str) -> None:
    change, message = FAULTS[fault]
    rows = rows_of(measured)[:30]
    change(rows)
    path = write(tmp_path / "r.csv", rows)
    with pytest.raises(DataError, match=message) as error:
        read_results(path, "my-phone", load_space("nano"), tmp_path)
    assert str(error.value).startswith(f"{path}: not imported")


def test_missing_column(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", [], "arch_id,latency_ms")
    with pytest.raises(DataError, match="no column latency, unit"):
        read_results(path, "my-phone", load_space("nano"))


@pytest.mark.parametrize("name", ["cpu-xnnpack", "My Phone"])
def test_names_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="device name"):
        read_results(tmp_path / "r.csv", name, load_space("nano"))


def test_exit_code_of_a_faulty_file(
    measured: Measurements, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write(tmp_path / "r.csv", rows_of(measured)[:5]))
    command = ["device", "import", path, "--device", "my-phone", "--data-dir", str(tmp_path)]
    assert main(command) == 3
    assert "at least 20" in capsys.readouterr().err


def test_rows_without_a_latency_are_left_out_and_counted(
    measured: Measurements, tmp_path: Path
) -> None:
    rows = rows_of(measured)[:30]
    for row in rows[24:]:
        row[1] = ""
    found = read_results(write(tmp_path / "r.csv", rows), "my-phone", load_space("nano"), tmp_path)
    assert (len(found), found.versions["rows_without_latency"]) == (24, "6")


def test_times_beside_the_wrong_networks_are_refused_unless_forced(
    measured: Measurements, tmp_path: Path
) -> None:
    rows = rows_of(measured)[:30]
    times = np.random.default_rng(0).permutation([row[1] for row in rows])
    for row, time in zip(rows, times, strict=True):
        row[1] = str(time)
    path = write(tmp_path / "r.csv", rows)
    with pytest.raises(DataError, match=r"at least 0\.5 is expected|let expect"):
        import_device(path, "my-phone", "nano", tmp_path)
    assert import_device(path, "my-phone", "nano", tmp_path, force=True).predictor.n_train == 30


def test_a_third_of_the_rows_off_by_a_thousand_is_refused(
    measured: Measurements, tmp_path: Path
) -> None:
    rows = rows_of(measured)[:30]
    for row in rows[::3]:
        row[1] = str(float(row[1]) * 1000)
    with pytest.raises(DataError, match=re.compile("row 2: .*row 5: ", re.DOTALL)) as error:
        read_results(write(tmp_path / "r.csv", rows), "my-phone", load_space("nano"), tmp_path)
    assert isinstance(error.value, FaultyRowsError)
    assert [fault.row for fault in error.value.faults] == list(range(2, 32, 3))


def test_equal_times_are_refused(measured: Measurements, tmp_path: Path) -> None:
    rows = [[row[0], "5", "ms"] for row in rows_of(measured)[:30]]
    with pytest.raises(DataError, match="all 30 latencies are equal"):
        read_results(write(tmp_path / "r.csv", rows), "my-phone", load_space("nano"), tmp_path)


def test_a_device_is_not_fitted_from_its_own_twin(measured: Measurements, tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", rows_of(measured)[:24])
    first = import_device(path, "my-phone", "nano", tmp_path)
    second = import_device(path, "my-other-phone", "nano", tmp_path)
    assert (first.twins, second.twins) == ((), ("my-phone",))
    assert second.nearest == first.nearest
    assert second.predictor.accuracy == first.predictor.accuracy
