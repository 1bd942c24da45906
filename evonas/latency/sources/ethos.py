"""Arm's Ethos-U NPUs as Vela, Arm's compiler for them, estimates them. Deterministic."""

import math
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evonas.errors import DataError, MissingPackageError
from evonas.graph.tflite import write_tflite
from evonas.latency.devices import Device
from evonas.latency.sources.measurement import Measurement, part_of
from evonas.space import Architecture

# The estimates of one network differ between versions of Vela by up to a factor of seven.
VELA_VERSION = "5.2.0"

_KINDS = {"Sram": "sram", "Dram": "dram", "OffChipFlash": "flash", "OnChipFlash": "flash"}

# What Vela's command line passes by default.
_OPTIONS = """
[compiler]
enable_db=true
output_format=Raw
cop_format=COP1

[scheduler]
optimize=Performance
arena_size_limit={limit}
disable_feature=
cpu_tensor_alignment=16

[graph]
softmax_int16_neg_exp_range=10.0
"""


class EthosSource:
    """Compiles int8 networks for one NPU and reads the compiler's estimate.

    Raises:
        MissingPackageError: Vela is not installed, or not in the pinned version.
    """

    def __init__(self, device: Device) -> None:
        assert device.npu is not None
        if _installed() != VELA_VERSION:
            raise MissingPackageError(f"ethos-u-vela=={VELA_VERSION}", "devices")
        self.npu = device.npu
        self.versions = {
            "ethos-u-vela": VELA_VERSION,
            "system_config": self.npu.system_config,
            "memory_mode": self.npu.memory_mode,
        }
        if self.npu.vela_config:
            self.versions |= {
                "npu": f"{self.npu.architecture}-{self.npu.macs * self.npu.cores}",
                "vela_config": self.npu.fingerprint,
                "sram_limit": str(self.npu.cache_bytes),
            }

    def measure(self, architecture: Architecture) -> Measurement:
        """Returns the estimate for one inference."""
        return self.compile(write_tflite(architecture, "int8"))

    def compile(self, tflite: bytes) -> Measurement:
        """Returns the estimate for a TFLite file; of one that does not fit, why and no time.

        Raises:
            DataError: No TFLite file, or Vela leaves an operator to the CPU or fails.
        """
        if tflite[4:8] != b"TFL3":  # Vela would end the process
            raise DataError("not a TFLite file: its identifier, bytes 4 to 8, must be TFL3")
        compiled = self._compile(tflite)
        report, operations = compiled.perf_report, _Table(compiled.opt_database, "perf")
        if report.cpuOps:
            names = ", ".join(_cpu_operators(compiled.opt_database)) or "names not reported"
            raise DataError(
                f"Vela leaves {report.cpuOps} operator(s) of this network to the CPU ({names}); "
                f"its estimate is the network's time only if all of them run on the NPU"
            )
        traffic, peak = {"sram": 0.0, "dram": 0.0, "flash": 0.0}, 0.0
        for name, memory in report.memories.items():
            kind = _KINDS.get(str(name))
            if kind is None:
                continue
            if kind == "sram":
                peak = float(memory.peakUsage)
            traffic[kind] += sum(a.bytesRead + a.bytesWritten for a in memory.accesses.values())
        per_cycle = 1e3 / self.npu.clock_hz
        parts: dict[str, float] = {}
        for name, cycles in zip(operations["name"], operations["op_cycles"], strict=True):
            part = part_of(name)
            parts[part] = parts.get(part, 0.0) + per_cycle * float(cycles)
        extras = {
            "sram_peak_bytes": peak,
            "constant_bytes": float(report.readOnlyPeakUsage),
            **{f"{kind}_bytes": total for kind, total in traffic.items()},
        }
        if peak > self.npu.cache_bytes:
            reason = f"needs {peak:,.0f} bytes of SRAM, {self.npu.cache_bytes:,} are there"
            return Measurement(math.nan, extras=extras | {"fits": 0.0}, reason=reason)
        return Measurement(
            latency_ms=per_cycle * report.totalCycles,
            parts_ms=parts,
            extras={"npu_ms": per_cycle * report.npuCycles, **extras, "fits": 1.0},
        )

    def _compile(self, tflite: bytes) -> Any:
        from ethosu import regor

        options = _OPTIONS.format(limit=self.npu.cache_bytes)
        try:
            return regor.compile(
                self.npu.architecture, tflite, "TFLITE", self._system(), options=options
            )
        except (ValueError, RuntimeError) as error:
            raise DataError(f"Vela cannot compile this network: {error}") from error

    def _system(self) -> str:
        npu = self.npu
        return (
            f"[architecture]\nmacs={npu.macs}\ncores={npu.cores}\n"
            f"[vela]\nsystem_config_name={npu.system_config}\n"
            f"memory_mode_name={npu.memory_mode}\n{npu.vela_config or arm_config()}"
        )


def _installed() -> str:
    try:
        from ethosu import regor  # noqa: F401
    except ImportError:
        raise MissingPackageError("ethos-u-vela", "devices") from None
    return version("ethos-u-vela")


@lru_cache
def arm_config() -> str:
    """Returns the configuration file that Arm ships with Vela.

    Raises:
        MissingPackageError: Vela is not installed.
    """
    _installed()
    from ethosu import regor

    return (Path(regor.__file__).parent / "config_files" / "Arm" / "vela.ini").read_text()


class _Table:
    """A table of Vela's database, by column."""

    def __init__(self, database: Any, name: str) -> None:
        table = database.tables[name]
        self._header, self._rows = table.header, table.data

    def __getitem__(self, column: str) -> list[str]:
        index = self._header.index(column)
        return [row[index] for row in self._rows]


def _cpu_operators(database: Any) -> list[str]:
    """Names of the operators that never entered the NPU's command queue."""
    if not {"perf", "queue", "group"} <= database.tables.keys():
        return []
    perf = _Table(database, "perf")
    queued = set(_Table(database, "queue")["optimised_id"])
    grouped = set(_Table(database, "group")["id"])
    rows = zip(perf["id"], perf["optimised_id"], perf["operator"], perf["name"], strict=True)
    return [
        f"{operator} {name}"
        for own, optimised, operator, name in rows
        if optimised not in queued and own not in grouped
    ]
