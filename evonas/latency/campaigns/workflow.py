"""What the `evonas device` commands do, for Python."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from evonas.errors import ConfigurationError, DataError, MissingPackageError
from evonas.latency.campaigns.campaign import Progress, campaign_genotypes, run_campaign
from evonas.latency.campaigns.imports import read_results
from evonas.latency.devices import Device, list_devices, load_device, own_npus
from evonas.latency.memory_limit import (
    fit_memory_limit,
    forget_memory_limit,
    save_memory_limit,
)
from evonas.latency.own import own_devices, own_files
from evonas.latency.own_npu import npu_path
from evonas.latency.predictors.across import across_table, load_across
from evonas.latency.predictors.adapt import CROSS_VALIDATED, Adaptation, adapt
from evonas.latency.predictors.fit import Kind, evaluate, fit_predictor, held_out
from evonas.latency.predictors.metrics import Accuracy
from evonas.latency.predictors.predictor import (
    LatencyPredictor,
    list_predictors,
    load_predictor,
    save_predictor,
)
from evonas.latency.predictors.sharpen import sharpen
from evonas.latency.sources.load import open_source
from evonas.latency.sources.measurement import Measurement
from evonas.latency.sources.runtimes import pin_to_core
from evonas.latency.store import (
    ROLES,
    Measurements,
    load_measurements,
    measurements_path,
    own_measurements_path,
    prefixes_path,
    save_measurements,
)
from evonas.space import Architecture, SearchSpace, load_space

DataDir = Path | str | None
Networks = Literal["random", "front"]

# Up to so many measured networks, a model over all spaces knows more than they do.
_FEW = 300


def measure_device(
    device: str,
    space: str,
    count: int,
    seed: int = 0,
    data_dir: DataDir = None,
    core: int | None = None,
    progress: Progress = lambda done, total: None,
    workers: int = 1,
    front: Sequence[str] = (),
    ray: str = "",
) -> Measurements:
    """Measures until the user's own file of the device holds `count` networks of the campaign.

    Shipped measurements that were taken with the same versions are the start of it.

    Args:
        device: A device that can be reached here.
        space: Name of the space.
        count: Networks of the campaign.
        seed: Seed of the campaign.
        data_dir: Folder of data; by default the user's own, which stands before the shipped one.
        core: Core that this process stays on, for measured sources.
        progress: Called with networks done and asked for.
        workers: Processes that ask a compiler.
        front: Identifiers of networks that a search found, measured besides.
        ray: Address of a Ray cluster that asks a compiler instead.

    Raises:
        ConfigurationError: The process cannot be kept on that core, or there is no such cluster.
        GenotypeError: An identifier does not belong to the space.
    """
    target, networks = load_device(device, data_dir), load_space(space)
    if core is not None and not pin_to_core(core):
        raise ConfigurationError(f"core {core}: this process cannot be kept on it")
    source = open_source(target, networks)
    genotypes, roles = campaign_genotypes(networks, count, seed)
    found = networks.genotypes(front)
    genotypes = np.concatenate([genotypes, found])
    roles = np.concatenate([roles, np.full(len(found), ROLES.index("front"))])
    path = own_measurements_path(device, networks, data_dir)
    begun = path if path.exists() else measurements_path(device, networks, data_dir)
    return run_campaign(
        target, source, networks, genotypes, roles, path, progress, workers, ray, begun
    )


def measure_network(
    architecture: Architecture, space: SearchSpace
) -> dict[str, tuple[str, Measurement]]:
    """Measures one network on every device that can be reached here.

    Args:
        architecture: Any network.
        space: A space of its size, whose reference network runs beside it on measured devices.

    Returns:
        By device, the kind of source and what it says.
    """
    found: dict[str, tuple[str, Measurement]] = {}
    for device in (*list_devices(), *own_npus()):
        if device.source != "published":
            with contextlib.suppress(MissingPackageError):
                found[device.name] = device.source, open_source(device, space).measure(architecture)
    return found


def fit_device(
    device: str, space: str, data_dir: DataDir = None, kind: Kind | None = None
) -> LatencyPredictor:
    """Fits a predictor to the device's measurements, saves it and returns it.

    Few measurements sharpen the device's model over all spaces, where there is one and no kind is
    asked for. Where some networks do not fit into the device, a model of which is saved too.
    """
    measurements = _measurements(device, load_space(space), data_dir)
    limit = fit_memory_limit(measurements)
    across = load_across(device, data_dir)
    if across is not None and kind is None and len(measurements) <= _FEW:
        predictor = sharpen(measurements, across_table(across, measurements.space))
    else:
        cut = prefixes_path(device, measurements.space, data_dir)
        prefixes = load_measurements(cut, measurements.space) if cut.exists() else None
        predictor = fit_predictor(measurements, kind, prefixes)
    if limit is None:
        forget_memory_limit(device, measurements.space, data_dir)
    else:
        save_memory_limit(limit, data_dir)
    save_predictor(predictor, data_dir)
    return predictor


def import_device(
    path: Path, device: str, space: str, data_dir: DataDir = None, force: bool = False
) -> Adaptation:
    """Adds a user's own device from a CSV file of measurements; see `read_results` and `adapt`."""
    found = read_results(path, device, load_space(space), data_dir, force)
    return add_device(found, data_dir, force)


def add_device(
    measurements: Measurements, data_dir: DataDir = None, force: bool = False
) -> Adaptation:
    """Fits a user's own device to its measurements and keeps both; see `adapt`."""
    adaptation = adapt(measurements, data_dir, force)
    save_measurements(
        measurements, own_measurements_path(measurements.device, measurements.space, data_dir)
    )
    save_predictor(adaptation.predictor, data_dir)
    return adaptation


def unseen_networks(
    device: str, space: str, data_dir: DataDir = None, on: Networks = "random"
) -> tuple[LatencyPredictor, Measurements]:
    """Returns the device's predictor and measured networks that it was not fitted to.

    Args:
        device: Name of the device.
        space: Name of the space.
        data_dir: Folder of data.
        on: `random` networks held out of the fit, or those of a search's `front`.

    Raises:
        DataError: There are none.
    """
    networks = load_space(space)
    predictor = load_predictor(device, networks, data_dir)
    measurements = _measurements(device, networks, data_dir).trusted()
    if on == "random" and predictor.versions.get("errors") == CROSS_VALIDATED:
        raise DataError(
            f"{device} in {space}: fitted to all {len(measurements)} measured networks; its errors "
            f"by cross-validation: evonas device list --space {space}"
        )
    front = measurements.columns["role"] == ROLES.index("front")
    test = measurements.select(front if on == "front" else held_out(measurements))
    if not len(test):
        raise DataError(
            f"{device} in {space}: none of {len(measurements)} measured networks is "
            + ("of a front; measure some: --front" if on == "front" else "held out")
        )
    return predictor, test


def evaluate_device(
    device: str, space: str, data_dir: DataDir = None, on: Networks = "random"
) -> Accuracy:
    """Returns the errors of the device's predictor; see `unseen_networks`."""
    return evaluate(*unseen_networks(device, space, data_dir, on))


def device_summaries(space: str, data_dir: DataDir = None) -> list[dict[str, Any]]:
    """Returns every device with its source and its predictor's held-out figures in the space."""
    predicted = {
        name: load_predictor(name, space, data_dir) for name in list_predictors(space, data_dir)
    }
    known = [*list_devices(), *own_npus(data_dir)]
    own = {*own_devices(space, data_dir)} - {device.name for device in known}
    imported = [Device(name, "measured", "-", "Imported measurements.") for name in sorted(own)]
    return [
        {
            "name": device.name,
            "source": device.source,
            "precision": device.precision,
            "unit": device.unit,
            "description": device.description,
            "predicts": device.name in predicted,
            "accuracy": dict(predicted[device.name].accuracy) if device.name in predicted else {},
            "kind": predicted[device.name].model.kind if device.name in predicted else "",
            "own": bool(own_files(device.name, data_dir, space))
            or npu_path(device.name, data_dir).exists(),
        }
        for device in (*known, *imported)
    ]


def _measurements(device: str, space: SearchSpace, data_dir: DataDir) -> Measurements:
    return load_measurements(measurements_path(device, space, data_dir), space)
