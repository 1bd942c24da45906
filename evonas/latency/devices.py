"""The catalogue of devices: what each stands for and where its latencies come from."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evonas.errors import ConfigurationError, unknown_name
from evonas.latency.npu import NpuConfig
from evonas.latency.own_npu import load_npu, npu_names
from evonas.limits import printable

SourceKind = Literal["measured", "compiler", "analytic", "published"]


@dataclass(frozen=True, slots=True)
class Device:
    """One device.

    Attributes:
        name: Name used in columns and on the command line.
        source: Kind of source: `measured` here, estimated by its maker's `compiler`, `analytic`
            formula, or `published` figures only.
        precision: Number format of the network.
        description: What the device stands for.
        unit: Unit of its latencies.
        npu: For Vela's devices, the configuration compiled for.
    """

    name: str
    source: SourceKind
    precision: str
    description: str
    unit: str = "ms"
    npu: NpuConfig | None = field(default=None, repr=False)


_CATALOGUE = (
    Device(
        "cpu-xnnpack",
        "measured",
        "fp32",
        "One x86 core of the measuring machine running LiteRT with XNNPACK, the kernels that "
        "phones' CPUs run; the ranking carries over better than the milliseconds.",
    ),
    Device(
        "host-onnxruntime",
        "measured",
        "fp32",
        "One x86 core of the measuring machine running ONNX Runtime.",
    ),
    Device(
        "ethos-u55-256",
        "compiler",
        "int8",
        "Arm Ethos-U55 micro-NPU, 256 MACs at 500 MHz, SRAM 4 GB/s and flash 0.5 GB/s, as "
        "estimated by Arm's compiler Vela.",
        npu=NpuConfig(
            "EthosU55", 256, 1, 500e6, "Ethos_U55_High_End_Embedded", "Shared_Sram", 1 << 32
        ),
    ),
    Device(
        "ethos-u65-512",
        "compiler",
        "int8",
        "Arm Ethos-U65 micro-NPU, 2 cores of 256 MACs at 1 GHz, 384 KB SRAM and DRAM 12 GB/s, as "
        "estimated by Arm's compiler Vela.",
        npu=NpuConfig(
            "EthosU65",
            256,
            2,
            1e9,
            "Ethos_U65_Client_Server",
            "Dedicated_Sram_384KB",
            384 * 1024,
        ),
    ),
    Device(
        "ethos-u85-2048",
        "compiler",
        "int8",
        "Arm Ethos-U85 NPU, 2048 MACs at 1 GHz, 384 KB SRAM and DRAM 12 GB/s, as estimated by "
        "Arm's compiler Vela.",
        npu=NpuConfig(
            "EthosU85",
            2048,
            1,
            1e9,
            "Ethos_U85_SYS_DRAM_Mid",
            "Dedicated_Sram_384KB",
            384 * 1024,
        ),
    ),
    Device(
        "systolic-64x64",
        "analytic",
        "int8",
        "A weight-stationary 64x64 array at 480 MHz with a 25.6 GB/s memory, by closed formula; "
        "the class of accelerator the paper argues about, no product.",
    ),
    Device(
        "edge-gpu",
        "analytic",
        "fp16",
        "A roofline with 11.3 TFLOP/s on matrix units, 2.8 off them, 137 GB/s and 5 us a kernel; "
        "the class of GPU in the paper, no product.",
    ),
    Device("pixel1-cpu", "published", "fp32", "The paper's figures for a Pixel-1 CPU."),
    Device("pixel4-edgetpu", "published", "int8", "The paper's figures for a Pixel-4 EdgeTPU."),
    Device("pixel4-dsp", "published", "int8", "The paper's figures for a Pixel-4 DSP."),
    Device("xavier-gpu", "published", "fp16", "The paper's figures for a Jetson Xavier GPU."),
)


def list_devices() -> list[Device]:
    """Returns every device that evonas knows by itself."""
    return list(_CATALOGUE)


def own_npus(data_dir: Path | str | None = None) -> list[Device]:
    """Returns the NPUs that the user has described.

    Raises:
        SchemaError: A description is damaged.
    """
    return [_own_npu(name, data_dir) for name in npu_names(data_dir)]


def load_device(name: str, data_dir: Path | str | None = None) -> Device:
    """Returns the device of that name: one that comes with evonas, or an NPU of the user's own.

    Raises:
        ConfigurationError: No device has the name.
        SchemaError: Its description is damaged.

    >>> load_device("ethos-u55-256").source
    'compiler'
    """
    by_name = {device.name: device for device in _CATALOGUE}
    own = npu_names(data_dir)
    if name in own:
        return _own_npu(name, data_dir)
    if name not in by_name:
        raise unknown_name("device", name, [*by_name, *own])
    return by_name[name]


def _own_npu(name: str, data_dir: Path | str | None) -> Device:
    model, npu = load_npu(name, data_dir)
    limit = f"{npu.cache_bytes:,} bytes of SRAM" if npu.limited else "no limit of SRAM"
    description = (
        f"Your own: Arm {model.replace('ethos-u', 'Ethos-U')} at {npu.clock_hz / 1e6:g} MHz, "
        f"{npu.system_config}, {npu.memory_mode}, {limit}, as estimated by Arm's compiler Vela."
    )
    return Device(name, "compiler", "int8", description, npu=npu)


def check_device_name(name: str) -> str:
    """Returns a device's name, which becomes that of files.

    Raises:
        ConfigurationError: It cannot be one.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise ConfigurationError(
            f"device name {printable(repr(name), 60)}: 1 to 40 lower-case letters, digits and "
            "hyphens are allowed"
        )
    return name


def check_own_name(device: str) -> None:
    """Refuses a name that a device of the user's own cannot have.

    Raises:
        ConfigurationError: It is not well-formed, or that of a device that comes with evonas.
    """
    check_device_name(device)
    if device in {known.name for known in list_devices()}:
        raise ConfigurationError(
            f"device name {device!r} is taken by a device that comes with evonas"
        )
