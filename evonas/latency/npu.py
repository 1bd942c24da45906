"""Arm's Ethos-U NPUs: what Vela is told of one, and its configuration files, checked.

Vela's compiler reads such a file more narrowly than its command line does: it takes keys in other
letters, misspelt ones and most comments for nothing, in silence. So a file is read here, by the
command line's rules, and the compiler is handed what was read.
"""

import configparser
import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evonas.errors import ConfigurationError, DataError, unknown_name
from evonas.limits import printable
from evonas.numbers import read_number

# Vela's name of the family, the MACs of a core, and cores.
NPUS: Mapping[str, tuple[str, int, int]] = {
    **{f"ethos-u55-{macs}": ("EthosU55", macs, 1) for macs in (32, 64, 128, 256)},
    "ethos-u65-256": ("EthosU65", 256, 1),
    "ethos-u65-512": ("EthosU65", 256, 2),
    **{f"ethos-u85-{macs}": ("EthosU85", macs, 1) for macs in (128, 256, 512, 1024, 2048)},
}
_ADDRESS_BITS = {"EthosU55": 32, "EthosU65": 40, "EthosU85": 40}
MAX_CONFIG_BYTES = 1 << 18
_MEMORIES = ("Sram", "Dram", "OnChipFlash", "OffChipFlash")
_PORTS = ("Axi0", "Axi1")
_PER_MEMORY = (
    "clock_scale", "ports_used", "burst_length", "read_latency", "write_latency", "max_reads",
    "max_writes",
)  # fmt: skip
_SYSTEM, _MODE = "System_Config.", "Memory_Mode."
_SETTINGS = {
    _SYSTEM: (
        "core_clock",
        *(f"{port.lower()}_port" for port in _PORTS),
        *(f"{memory}_{name}" for memory in _MEMORIES for name in _PER_MEMORY),
    ),
    _MODE: ("const_mem_area", "arena_mem_area", "cache_mem_area", "arena_cache_size"),
}
_MOST_INHERITED = 10


@dataclass(frozen=True, slots=True)
class NpuConfig:
    """What Vela is told: its estimates mean nothing without it.

    Attributes:
        architecture: Vela's name of the family.
        macs: Multiply-accumulators of one core.
        cores: Number of cores.
        clock_hz: Core clock of the system configuration.
        system_config: Its name in the configuration file.
        memory_mode: Its name in the configuration file.
        cache_bytes: SRAM that the compiler may use; a network that needs more does not fit.
        vela_config: The two sections of the configuration file; empty for Arm's own `vela.ini`.
    """

    architecture: str
    macs: int
    cores: int
    clock_hz: float
    system_config: str
    memory_mode: str
    cache_bytes: int
    vela_config: str = field(default="", repr=False)

    @property
    def limited(self) -> bool:
        """Whether there is SRAM beyond which a network does not fit."""
        return self.cache_bytes < 1 << _ADDRESS_BITS[self.architecture]

    @property
    def fingerprint(self) -> str:
        """Identifies the settings."""
        return hashlib.sha256(self.vela_config.encode()).hexdigest()[:16]


def describe_npu(
    npu: str, text: str, where: str, system_config: str, memory_mode: str, sram_limit: int | None
) -> NpuConfig:
    """Returns what Vela is to be told, once everything named in the file is there and can be.

    Args:
        npu: One of `NPUS`.
        text: The configuration file's text.
        where: What messages call the file.
        system_config: Name of a section `System_Config.NAME`.
        memory_mode: Name of a section `Memory_Mode.NAME`.
        sram_limit: Bytes of SRAM; by default the memory mode's `arena_cache_size`, or no limit.

    Raises:
        ConfigurationError: An NPU or section that is not there, or settings that contradict.
        DataError: The text is no such file, or a setting of it is no valid value.
    """
    if npu not in NPUS:
        raise unknown_name("NPU", npu, NPUS)
    family, macs, cores = NPUS[npu]
    config = _Config(text, where)
    system = config.section(_SYSTEM, system_config, "system configuration")
    mode = config.section(_MODE, memory_mode, "memory mode")
    _check_family(family, npu, system_config)
    ports = {port: system.choice(f"{port.lower()}_port", _MEMORIES) for port in _PORTS}
    for memory in _MEMORIES:
        system.number(f"{memory}_clock_scale", above=0)
        for name in _PER_MEMORY[1:]:
            system.number(f"{memory}_{name}", whole=True)
    areas = {
        name: ports[mode.choice(f"{name}_mem_area", _PORTS)] for name in ("const", "arena", "cache")
    }
    _check_areas(areas, where, system_config, memory_mode)
    clock = system.number("core_clock", above=0, needed=True)
    most = 1 << _ADDRESS_BITS[family]
    cache = mode.number("arena_cache_size", above=0, whole=True)
    size = sram_limit if sram_limit is not None else int(cache or most)
    if not 0 < size <= most:
        raise ConfigurationError(
            f"SRAM of {size} bytes: 1 to {most} are what an {_product(family)} can address"
        )
    assert clock is not None
    read = f"{system.text()}{mode.text()}"
    return NpuConfig(family, macs, cores, clock, system_config, memory_mode, size, read)


def _product(family: str) -> str:
    return f"Ethos-{family.removeprefix('Ethos')}"


def _check_family(family: str, npu: str, system_config: str) -> None:
    """Refuses a section that is named after another family: Vela takes it in silence."""
    named = re.search(r"u(55|65|85)(?!\d)", system_config, re.IGNORECASE)
    if named and f"EthosU{named[1]}" != family:
        raise ConfigurationError(
            f"system configuration {system_config!r} is by its name one of an Ethos-U{named[1]}, "
            f"and {npu} is an {_product(family)}; name a section of its own family"
        )


def _check_areas(
    areas: Mapping[str, str], where: str, system_config: str, memory_mode: str
) -> None:
    """Holds the three areas to what Vela allows."""
    allowed = {"const": _MEMORIES, "arena": ("Sram", "Dram"), "cache": ("Sram",)}
    if len({*areas.values()}) > 1:  # SRAM for everything is the one way to hold weights there
        allowed["const"] = _MEMORIES[1:]
    for name, memory in areas.items():
        if memory not in allowed[name]:
            raise ConfigurationError(
                f"{where}: with system configuration {system_config!r}, memory mode "
                f"{memory_mode!r} puts {name}_mem_area into {memory}; allowed are "
                f"{', '.join(allowed[name])}"
            )


class _Config:
    """A configuration file."""

    def __init__(self, text: str, where: str) -> None:
        self.where = where
        self._parser = configparser.ConfigParser(
            interpolation=None, inline_comment_prefixes=(";", "#")
        )
        try:
            self._parser.read_string(text, where)
        except configparser.Error as error:
            why = " ".join(str(error).split())
            raise DataError(
                f"{where}: not a configuration file of Vela: {printable(why, 160)}"
            ) from None

    def section(self, prefix: str, name: str, what: str) -> "_Section":
        """Returns a section with what it inherits; its own settings come first."""
        there = self._names(prefix)
        if name not in there:
            if not there:
                raise ConfigurationError(
                    f"{self.where}: has no section [{prefix}NAME], so no {what} can be chosen; "
                    f"its sections: {_listed(self._parser.sections())}"
                )
            raise ConfigurationError(
                f"{self.where}: has no {what} {printable(name, 60)!r}; it has: {_listed(there)}"
            )
        settings: dict[str, str] = {}
        section: str | None = prefix + name
        for _ in range(_MOST_INHERITED):
            if section is None:
                break
            if section not in self._parser:
                raise ConfigurationError(
                    f"{self.where}: [{prefix}{name}] inherits {printable(section, 60)!r}, which "
                    f"is not there; sections: {_listed(self._parser.sections())}"
                )
            own = dict(self._parser[section])
            section = own.pop("inherit", None)
            settings = own | settings
        if section is not None:
            raise ConfigurationError(
                f"{self.where}: [{prefix}{name}] inherits more than {_MOST_INHERITED} times, or "
                "itself"
            )
        return _Section(f"{self.where}: [{prefix}{name}]", self._known(prefix + name, settings))

    def _known(self, section: str, settings: Mapping[str, str]) -> dict[str, str]:
        """Returns settings as Vela's compiler names them; the letters' case is free."""
        known = {name.lower(): name for name in _SETTINGS[section[: section.index(".") + 1]]}
        for name in settings:
            if name not in known:
                raise DataError(
                    f"{self.where}: [{section}] {printable(name, 40)!r} is no setting of Vela; "
                    f"allowed are {', '.join(known.values())}"
                )
        return {known[name]: value for name, value in settings.items()}

    def _names(self, prefix: str) -> list[str]:
        sections = self._parser.sections()
        return [name.removeprefix(prefix) for name in sections if name.startswith(prefix)]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(printable(name, 60) for name in names) or "none"


@dataclass(frozen=True, slots=True)
class _Section:
    where: str
    settings: Mapping[str, str]

    def text(self) -> str:
        """Returns the section as Vela's compiler reads it."""
        lines = [f"{name}={value}" for name, value in sorted(self.settings.items())]
        return "\n".join([self.where[self.where.rindex("[") :], *lines, ""])

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """Returns a setting that is one of some names."""
        value = self.settings.get(name)
        if value is None:
            raise DataError(f"{self.where} lacks {name}; allowed are {', '.join(allowed)}")
        if value not in allowed:
            raise DataError(
                f"{self.where} {name} is {printable(value, 40)!r}; allowed are {', '.join(allowed)}"
            )
        return value

    def number(
        self, name: str, above: float = -1.0, whole: bool = False, needed: bool = False
    ) -> float | None:
        """Returns a setting that is a number; None where it is left out."""
        text = self.settings.get(name)
        if text is None:
            if needed:
                raise DataError(f"{self.where} lacks {name}, a number above {above:g}")
            return None
        value = read_number(text)
        if value is None or not math.isfinite(value) or value <= above or (whole and value % 1):
            kind = "a whole number" if whole else "a number"
            raise DataError(
                f"{self.where} {name} is {printable(text, 40)!r}; {kind} above {above:g} is allowed"
            )
        return value
