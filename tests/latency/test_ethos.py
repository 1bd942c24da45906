import sys

import numpy as np
import pytest

from evonas.cli import main
from evonas.errors import DataError, MissingPackageError
from evonas.graph.tflite import write_tflite
from evonas.latency.devices import load_device
from evonas.latency.sources.ethos import EthosSource
from evonas.latency.sources.load import open_source
from evonas.latency.sources.measurement import part_names
from evonas.space import load_space

pytest.importorskip("ethosu")
pytest.importorskip("ai_edge_litert")

NANO = load_space("nano")
NETWORK = NANO.decode(NANO.sample(1, np.random.default_rng(0))[0])


@pytest.mark.parametrize("device", ["ethos-u55-256", "ethos-u65-512", "ethos-u85-2048"])
def test_parts_add_up_and_memory_is_told(device: str) -> None:
    found = EthosSource(load_device(device)).measure(NETWORK)
    assert sum(found.parts_ms.values()) == pytest.approx(found.latency_ms, rel=1e-6)
    assert found.parts_ms.keys() <= set(part_names(NANO))
    assert found.extras["sram_peak_bytes"] > 0
    assert found.extras["flash_bytes"] + found.extras["dram_bytes"] > 0


def test_operators_left_to_the_cpu_are_an_error() -> None:
    source = EthosSource(load_device("ethos-u55-256"))
    with pytest.raises(DataError, match=r"CPU.*DEPTHWISE_CONV_2D"):
        source.compile(write_tflite(NETWORK, "fp32"))


def test_no_tflite_file() -> None:
    with pytest.raises(DataError, match="not a TFLite file"):
        EthosSource(load_device("ethos-u55-256")).compile(b"no network")


@pytest.mark.parametrize(
    ("device", "module", "package"),
    [
        ("cpu-xnnpack", "ai_edge_litert.interpreter", "ai-edge-litert"),
        ("host-onnxruntime", "onnxruntime", "onnxruntime"),
        ("ethos-u55-256", "ethosu", "ethos-u-vela"),
    ],
)
def test_missing_packages_name_their_extra(
    device: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError, match=rf"{package}.*evonas\[devices\]"):
        open_source(load_device(device), NANO)


def test_published_devices_cannot_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "measure", "--device", "pixel4-dsp", "--space", "nano"]) == 2
    assert "cannot measure on it" in capsys.readouterr().err
