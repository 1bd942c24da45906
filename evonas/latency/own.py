"""The user's own devices: which there are, their files, another name for one, and its end."""

from dataclasses import replace
from pathlib import Path

from evonas.errors import ConfigurationError, unknown_name
from evonas.files import write_atomically
from evonas.latency.devices import Device, check_own_name, list_devices, load_device
from evonas.latency.memory_limit import MEMORY_LIMIT, load_memory_limit, save_memory_limit
from evonas.latency.own_npu import npu_names, npu_path, save_npu
from evonas.latency.predictors.predictor import (
    PREDICTOR,
    list_predictors,
    load_predictor,
    save_predictor,
)
from evonas.latency.store import (
    MEASUREMENTS,
    PREFIXES,
    load_measurements,
    own_measurements_path,
    own_prefixes_path,
    save_measurements,
)
from evonas.paths import own_data
from evonas.space import SearchSpace, load_space

DataDir = Path | str | None


def add_npu(
    name: str,
    npu: str,
    config: str,
    where: str,
    system_config: str,
    memory_mode: str,
    sram_limit: int | None = None,
    data_dir: DataDir = None,
) -> Device:
    """Adds an NPU of the user's own, to be measured by Arm's compiler; see `save_npu`.

    The same description twice is one device.

    Raises:
        ConfigurationError: The name cannot be used or is taken, or the NPU or a section is unknown.
        DataError: The text is no configuration file of Vela.
    """
    check_own_name(name)
    if own_files(name, data_dir) and not npu_path(name, data_dir).exists():
        raise ConfigurationError(
            f"device name {name!r} is taken by a device of yours that was imported"
        )
    save_npu(name, npu, config, where, system_config, memory_mode, sram_limit, data_dir)
    return load_device(name, data_dir)


def own_devices(space: SearchSpace | str, data_dir: DataDir = None) -> list[str]:
    """Returns the devices with a predictor for a space that do not come with evonas."""
    shipped = {device.name for device in list_devices()}
    return [name for name in list_predictors(space, data_dir) if name not in shipped]


def own_files(device: str, data_dir: DataDir = None, space: str = "*") -> list[Path]:
    """Returns the user's own files of a device: measurements and predictors, of all spaces.

    For all spaces, an NPU's description is among them.
    """
    files = own_data("latency", data_dir).glob(f"{space}/*.npz")
    found = sorted(file for file in files if file.name.partition(".")[0] == device)
    description = npu_path(device, data_dir)
    return [description, *found] if space == "*" and description.exists() else found


def remove_device(device: str, data_dir: DataDir = None) -> list[Path]:
    """Removes the user's own files of a device and returns them.

    A device that evonas ships is itself again afterwards.

    Raises:
        ConfigurationError: There are none.
    """
    files = _need_own_files(device, data_dir)
    for file in files:
        file.unlink()
    return files


def rename_device(device: str, name: str, data_dir: DataDir = None) -> list[Path]:
    """Gives the user's own files of a device another name and returns them.

    All files stand under the new name before the first one of the old name goes.

    Args:
        device: What it is called now.
        name: What it shall be called: lower-case letters, digits and hyphens.
        data_dir: Folder of data; by default the user's own.

    Raises:
        ConfigurationError: There is no such device, or the new name cannot be used or is taken.
        SchemaError: A file of it is damaged.
    """
    check_own_name(name)
    if own_files(name, data_dir):
        raise ConfigurationError(f"device name {name!r} is taken by another device of yours")
    files = _need_own_files(device, data_dir)
    loaded = [(f, load_space(f.parent.name)) for f in files if f.suffix == ".npz"]
    measured = [load_measurements(f, s) for f, s in loaded if f.name.endswith(MEASUREMENTS)]
    fitted = [load_predictor(device, s, data_dir) for f, s in loaded if f.name.endswith(PREDICTOR)]
    limits = [
        load_memory_limit(device, s, data_dir) for f, s in loaded if f.name.endswith(MEMORY_LIMIT)
    ]
    cut = [load_measurements(f, s) for f, s in loaded if f.name.endswith(PREFIXES)]
    for measurements in measured:
        renamed = replace(measurements, device=name)
        save_measurements(renamed, own_measurements_path(name, renamed.space, data_dir))
    for prefixes in cut:
        renamed = replace(prefixes, device=name)
        save_measurements(renamed, own_prefixes_path(name, renamed.space, data_dir))
    for predictor in fitted:
        save_predictor(replace(predictor, device=name), data_dir)
    for limit in filter(None, limits):
        save_memory_limit(replace(limit, device=name), data_dir)
    for described in (f for f in files if f == npu_path(device, data_dir)):
        write_atomically(npu_path(name, data_dir), described.read_bytes())
    for file in files:
        file.unlink()
    return own_files(name, data_dir)


def _need_own_files(device: str, data_dir: DataDir) -> list[Path]:
    files = own_files(device, data_dir)
    if files:
        return files
    place = own_data("latency", data_dir)
    if device in {known.name for known in list_devices()}:
        raise ConfigurationError(
            f"device {device!r} comes with evonas, and nothing in {place} replaces it"
        )
    own = {file.name.partition(".")[0] for file in place.glob("*/*.npz")} | {*npu_names(data_dir)}
    raise unknown_name(f"device in {place}", device, own)
