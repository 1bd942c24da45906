"""NPUs that the user has described: files in the user's own folder, with all that Vela is told."""

import json
from pathlib import Path

from evonas.errors import ConfigurationError, EvonasError, SchemaError
from evonas.files import read_json, write_atomically
from evonas.latency.npu import NpuConfig, describe_npu
from evonas.paths import own_data

SCHEMA = 1
DEFINITION = ".npu.json"  # what the name of such a file ends in

DataDir = Path | str | None


def npu_path(name: str, data_dir: DataDir = None) -> Path:
    """Returns where the description of an NPU of the user's own lies."""
    return own_data(f"latency/{name}{DEFINITION}", data_dir)


def npu_names(data_dir: DataDir = None) -> list[str]:
    """Returns the names of the NPUs that the user has described."""
    files = own_data("latency", data_dir).glob(f"*{DEFINITION}")
    return sorted(file.name.removesuffix(DEFINITION) for file in files)


def save_npu(
    name: str,
    npu: str,
    config: str,
    where: str,
    system_config: str,
    memory_mode: str,
    sram_limit: int | None = None,
    data_dir: DataDir = None,
) -> Path:
    """Keeps the description of an NPU with the text of its configuration file; returns the file.

    Args:
        name: Name of the device, which is well-formed.
        npu: One of `npu.NPUS`.
        config: The text of a configuration file of Vela.
        where: What messages call that file.
        system_config: Section of it.
        memory_mode: Section of it.
        sram_limit: Bytes of SRAM; by default what the memory mode says.
        data_dir: Folder of data; by default the user's own.

    Raises:
        ConfigurationError: The NPU or a section is not there, or another one has the name.
        DataError: The text is no configuration file of Vela.
    """
    described = describe_npu(npu, config, where, system_config, memory_mode, sram_limit)
    path = npu_path(name, data_dir)
    if path.exists() and load_npu(name, data_dir) != (npu, described):
        raise ConfigurationError(
            f"device name {name!r} is taken by another NPU of yours; name it otherwise, or: "
            f"evonas device remove {name}"
        )
    content = {
        "schema": SCHEMA,
        "npu": npu,
        "system_config": system_config,
        "memory_mode": memory_mode,
        "sram_limit": sram_limit,
        "vela_config": config,
    }
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())
    return path


def load_npu(name: str, data_dir: DataDir = None) -> tuple[str, NpuConfig]:
    """Returns which NPU it is, and what Vela is to be told.

    Raises:
        SchemaError: The file is damaged or of a newer schema.
    """
    path = npu_path(name, data_dir)
    meta = read_json(path, "the description of an NPU")
    if not isinstance(meta, dict) or not isinstance(meta.get("schema"), int):
        raise SchemaError(f"{path}: not the description of an NPU")
    if meta["schema"] > SCHEMA:
        raise SchemaError(
            f"{path}: schema {meta['schema']} is newer than this evonas, which reads {SCHEMA}"
        )
    texts = [meta.get(key) for key in ("npu", "system_config", "memory_mode", "vela_config")]
    npu, system_config, memory_mode, config = map(str, texts)
    limit = meta.get("sram_limit")
    whole = limit is None or (isinstance(limit, int) and not isinstance(limit, bool))
    if not (whole and all(isinstance(text, str) for text in texts)):
        raise SchemaError(f"{path}: the description of an NPU is damaged")
    try:
        return npu, describe_npu(npu, config, str(path), system_config, memory_mode, limit)
    except EvonasError as error:
        raise SchemaError(f"{path}: the description of an NPU is damaged: {error}") from error
