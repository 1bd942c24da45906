from dataclasses import replace
from pathlib import Path

import pytest

from evonas.cli import main
from evonas.cli.own_device import print_figures
from evonas.errors import ConfigurationError, SchemaError
from evonas.latency import (
    Measurements,
    fit_predictor,
    load_measurements,
    load_predictor,
    measurements_path,
    own_devices,
    own_files,
    rename_device,
    save_predictor,
)
from evonas.latency.store import own_measurements_path, save_measurements


@pytest.fixture
def phone(measured: Measurements, tmp_path: Path) -> Measurements:
    """A device of the user's own, with measurements and a predictor."""
    named = replace(measured, device="my-phone")
    save_measurements(named, own_measurements_path("my-phone", named.space, tmp_path))
    save_predictor(fit_predictor(named, "linear"), tmp_path)
    return named


def test_a_renamed_device_predicts_what_it_did(phone: Measurements, tmp_path: Path) -> None:
    before = load_predictor("my-phone", phone.space, tmp_path).predict(phone.genotypes)
    files = rename_device("my-phone", "my-tablet", tmp_path)
    assert own_files("my-phone", tmp_path) == []
    assert own_files("my-tablet", tmp_path) == files
    assert len(files) == 2
    predictor = load_predictor("my-tablet", phone.space, tmp_path)
    assert predictor.device == "my-tablet"
    assert (predictor.predict(phone.genotypes) == before).all()
    path = measurements_path("my-tablet", phone.space, tmp_path)
    assert load_measurements(path, phone.space).device == "my-tablet"
    assert own_devices(phone.space, tmp_path) == ["my-tablet"]


@pytest.mark.parametrize("name", ["cpu-xnnpack", "My Phone", "", "../x", "my-phone"])
def test_a_name_that_is_taken_or_ill_formed_is_refused(
    phone: Measurements, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigurationError, match="device name"):
        rename_device("my-phone", name, tmp_path)
    assert len(own_files("my-phone", tmp_path)) == 2


def test_an_unknown_device_is_not_renamed(phone: Measurements, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="my-phone"):
        rename_device("my-phones", "my-tablet", tmp_path)


def test_a_damaged_device_keeps_its_name(phone: Measurements, tmp_path: Path) -> None:
    measurements_path("my-phone", phone.space, tmp_path).write_bytes(b"broken")
    with pytest.raises(SchemaError, match="damaged"):
        rename_device("my-phone", "my-tablet", tmp_path)
    assert own_files("my-tablet", tmp_path) == []


def test_the_command_renames(phone: Measurements, tmp_path: Path) -> None:
    command = ["device", "rename", "my-phone", "my-tablet", "--data-dir", str(tmp_path)]
    assert main(command) == 0
    assert own_devices(phone.space, tmp_path) == ["my-tablet"]


def test_errors_of_very_few_networks_have_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures({"n_test": 2, "r2": 1.0})
    assert "n_test is 2: errors of fewer than 10 networks say little" in capsys.readouterr().out
    print_figures({"n_test": 10, "r2": 1.0})
    assert "say little" not in capsys.readouterr().out
