"""NPUs of the user's own: what a configuration file must be, and what becomes of a description."""

import json
from pathlib import Path

import numpy as np
import pytest

from evonas.cli import main
from evonas.errors import ConfigurationError, EvonasError, SchemaError
from evonas.latency import (
    Measurements,
    add_npu,
    check_results,
    load_device,
    load_predictor,
    measure_prefixes,
    own_files,
    own_npus,
    remove_device,
    rename_device,
)
from evonas.latency.npu import NpuConfig, describe_npu
from evonas.latency.own_npu import npu_path
from evonas.latency.store import (
    load_measurements,
    own_measurements_path,
    own_prefixes_path,
    save_measurements,
)
from evonas.space import load_space

HALF = """
# half the clock and half the SRAM of Arm's Ethos-U65 Client-Server
[System_Config.Half]
core_clock: 500e6 ; half
axi0_port=Sram
AXI1_PORT=Dram
Sram_clock_scale=1.0
Dram_clock_scale=0.75
Dram_read_latency=500
[Memory_Mode.Dedicated]
const_mem_area=Axi1
arena_mem_area=Axi1
cache_mem_area=Axi0
arena_cache_size=393216
[Memory_Mode.Half]
inherit=Memory_Mode.Dedicated
arena_cache_size=196608
[Memory_Mode.Shared]
const_mem_area=Axi1
arena_mem_area=Axi0
cache_mem_area=Axi0
[Memory_Mode.Swapped]
const_mem_area=Axi0
arena_mem_area=Axi1
cache_mem_area=Axi0
[Memory_Mode.Loop]
inherit=Memory_Mode.Loop
[System_Config.Ethos_U55_Named]
core_clock=1e9
axi0_port=Sram
axi1_port=Dram
"""


def described(text: str = HALF, npu: str = "ethos-u65-512", **other: object) -> NpuConfig:
    given = {"system_config": "Half", "memory_mode": "Half", "sram_limit": None} | other
    return describe_npu(npu, text, "my.ini", **given)  # type: ignore[arg-type]


def test_a_file_is_read_as_vela_reads_it_and_handed_on_in_plain_form() -> None:
    npu = described()
    assert (npu.architecture, npu.macs, npu.cores) == ("EthosU65", 256, 2)
    assert (npu.clock_hz, npu.cache_bytes, npu.limited) == (500e6, 196608, True)
    lines = npu.vela_config.splitlines()
    assert "axi1_port=Dram" in lines
    assert "core_clock=500e6" in lines
    assert "arena_cache_size=196608" in lines
    assert not [line for line in lines if line[0] in ";#" or "inherit" in line]


def test_a_comment_changes_no_fingerprint_and_a_setting_does() -> None:
    same, other = HALF + "; more\n", HALF.replace("latency=500", "latency=400")
    assert described(same).fingerprint == described().fingerprint
    assert described(other).fingerprint != described().fingerprint


def test_without_a_size_there_is_no_limit_and_an_option_sets_one() -> None:
    assert not described(memory_mode="Shared").limited
    assert described(memory_mode="Shared", sram_limit=1000).cache_bytes == 1000
    assert described(sram_limit=1000).cache_bytes == 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"npu": "ethos-u65-128"}, "unknown NPU 'ethos-u65-128'; known: .*ethos-u65-256"),
        ({"system_config": "Whole"}, "my.ini: has no system configuration 'Whole'; it has: Half"),
        ({"memory_mode": "Big"}, "no memory mode 'Big'; it has: Dedicated, Half"),
        ({"text": "[Memory_Mode.Half]\n"}, r"no section \[System_Config.NAME\].*Memory_Mode.Half"),
        ({"text": "no ini file"}, "not a configuration file of Vela"),
        ({"text": HALF + "[Memory_Mode.Half]\n"}, "not a configuration file of Vela.*already"),
        ({"system_config": "Ethos_U55_Named"}, "by its name one of an Ethos-U55.*an Ethos-U65"),
        ({"memory_mode": "Loop"}, "inherits .* itself"),
        ({"memory_mode": "Swapped"}, "puts const_mem_area into Sram; allowed are Dram"),
        ({"text": HALF.replace("500e6", "fast")}, "core_clock is 'fast'; a number above 0"),
        ({"text": HALF.replace("core_clock: 500e6", "")}, "lacks core_clock"),
        ({"text": HALF.replace("PORT=Dram", "PORT=Drum")}, "axi1_port is 'Drum'; allowed are Sram"),
        ({"text": HALF.replace("Dram_read", "Dram_red")}, "no setting of Vela; allowed are core_c"),
        ({"text": HALF.replace("latency=500", "latency=0.5")}, "a whole number above"),
        ({"text": HALF.replace("inherit=Memory_Mode.D", "inherit=Memory_Mode.X")}, "not there"),
        ({"sram_limit": 0}, "SRAM of 0 bytes: 1 to"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_message(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(EvonasError, match=message):
        described(**change)  # type: ignore[arg-type]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The folder of a user with one NPU."""
    add_npu("mine", "ethos-u65-512", HALF, "my.ini", "Half", "Half", None, tmp_path)
    return tmp_path


def test_a_description_is_a_device_that_is_renamed_and_removed(mine: Path) -> None:
    assert [device.name for device in own_npus(mine)] == ["mine"]
    before = load_device("mine", mine)
    assert before.source == "compiler"
    assert "500 MHz" in before.description
    rename_device("mine", "ours", mine)
    assert load_device("ours", mine).npu == before.npu
    assert own_files("mine", mine) == []
    assert remove_device("ours", mine) == [npu_path("ours", mine)]
    assert own_npus(mine) == []


def test_an_unknown_device_is_told_with_the_npus_of_ones_own(mine: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown device 'mime'; known: .*, mine, "):
        load_predictor("mime", "nano", mine)


def test_one_without_a_predictor_is_said_to_need_one(mine: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'mine' has no predictor.*measure --device mine"):
        load_predictor("mine", "nano", mine)


def test_the_same_description_twice_is_one_and_another_is_refused(mine: Path) -> None:
    add_npu("mine", "ethos-u65-512", HALF, "my.ini", "Half", "Half", None, mine)
    with pytest.raises(ConfigurationError, match="taken by another NPU"):
        add_npu("mine", "ethos-u65-256", HALF, "my.ini", "Half", "Half", None, mine)
    with pytest.raises(ConfigurationError, match="comes with evonas"):
        add_npu("cpu-xnnpack", "ethos-u65-256", HALF, "my.ini", "Half", "Half", None, mine)


def test_npus_and_imported_devices_do_not_share_a_name(mine: Path, measured: Measurements) -> None:
    with pytest.raises(ConfigurationError, match="taken by an NPU of yours"):
        check_results(b"arch_id,latency,unit\n", "r.csv", "mine", load_space("nano"), mine)
    save_measurements(measured, own_measurements_path("phone", measured.space, mine))
    with pytest.raises(ConfigurationError, match="yours that was imported"):
        add_npu("phone", "ethos-u65-512", HALF, "my.ini", "Half", "Half", None, mine)


@pytest.mark.parametrize(
    "change",
    [{"schema": 2}, {"npu": 5}, {"sram_limit": "many"}, {"vela_config": "x"}, {"npu": "ethos-u1"}],
)
def test_a_damaged_description_is_said_and_can_be_removed(
    mine: Path, change: dict[str, object]
) -> None:
    path = npu_path("mine", mine)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SchemaError, match=r"mine\.npu\.json"):
        load_device("mine", mine)
    remove_device("mine", mine)
    assert own_npus(mine) == []


def test_half_the_clock_takes_twice_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVONAS_HOME", str(tmp_path / "home"))
    pytest.importorskip("ethosu")
    from evonas.latency.sources.ethos import EthosSource, arm_config

    space = load_space("pico")
    network = space.decode(np.zeros(space.n_genes, np.uint8))
    arm = describe_npu(
        "ethos-u65-512", arm_config(), "", "Ethos_U65_Client_Server", "Dedicated_Sram_384KB", None
    )
    shipped = load_device("ethos-u65-512")
    assert (arm.clock_hz, arm.cache_bytes) == (shipped.npu.clock_hz, shipped.npu.cache_bytes)
    text = arm_config().replace("core_clock=1e9", "core_clock=500e6")
    file = tmp_path / "half.ini"
    file.write_text(text)
    command = [
        "device", "add", "half", "--npu", "ethos-u65-512", "--vela-config", str(file),
        "--system-config", "Ethos_U65_Client_Server", "--memory-mode", "Dedicated_Sram_384KB",
        "--json",
    ]  # fmt: skip
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["clock_hz"] == 500e6
    whole = EthosSource(shipped).measure(network)
    half = EthosSource(load_device("half"))
    assert half.measure(network).latency_ms == pytest.approx(2 * whole.latency_ms)
    assert half.versions["vela_config"] == load_device("half").npu.fingerprint


def test_a_network_that_does_not_fit_has_a_reason_and_no_latency() -> None:
    pytest.importorskip("ethosu")
    from dataclasses import replace

    from evonas.latency.sources.ethos import EthosSource

    space, device = load_space("pico"), load_device("ethos-u55-256")
    small = replace(device, npu=replace(device.npu, cache_bytes=30_000))
    found = EthosSource(small).measure(space.decode(np.zeros(space.n_genes, np.uint8)))
    assert np.isnan(found.latency_ms)
    assert found.extras["sram_peak_bytes"] > 30_000
    assert (
        found.reason
        == f"needs {found.extras['sram_peak_bytes']:,.0f} bytes of SRAM, 30,000 are there"
    )


def test_networks_cut_short_are_compiled_for_an_npu_and_renamed_with_it(mine: Path) -> None:
    pytest.importorskip("ethosu")
    pytest.importorskip("ai_edge_litert")
    found = measure_prefixes("mine", "nano", 1, data_dir=mine)
    assert np.isfinite(found.columns["parts_ms"]).any()
    rename_device("mine", "ours", mine)
    space = load_space("nano")
    kept = load_measurements(own_prefixes_path("ours", space, mine), space)
    assert kept.device == "ours"
    assert (kept.genotypes == found.genotypes).all()
