"""A device's times in any space: a model of single operations, fitted over many spaces and sizes.

An operation's time is a price for what it asks of the device, times a correction by boosted trees.
It needs no measurement in the space at hand; what it is worth was asked of spaces that had no part
in its fit. As operations are counted in the cells of a space, the predictor is a table as ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from evonas.arrays import Floats
from evonas.errors import SchemaError
from evonas.latency.devices import check_device_name
from evonas.latency.predictors.features import cell_nodes, layer_kinds
from evonas.latency.predictors.forest import Forest, forest_from_arrays
from evonas.latency.predictors.operations import Operation, features, operations, work
from evonas.latency.store import read_saved, save_npz
from evonas.paths import data_folders, find_data, own_data
from evonas.space import SearchSpace

SCHEMA = 2
SUFFIX = ".across.npz"
# What a predictor's versions say of `errors` where they were measured in spaces left out.
ACROSS = "across spaces"

_N_FEATURES = features([Operation(0, 1, 1, 1, 1)]).shape[1]
_SMALLEST_MS = 1e-7
_LARGEST_CORRECTION = 5.0  # natural logarithm


@dataclass(frozen=True, eq=False)
class AcrossModel:
    """What operations take on a device.

    Attributes:
        device: Name of the device.
        source: Kind of source of the measurements it was fitted to.
        prices: (n_amounts,) milliseconds for what an operation asks of the device.
        forest: Logarithms of the corrections.
        range_ms: Smallest and largest time of a network that it was fitted to.
        n_train: Number of networks it was fitted to.
        accuracy: Errors on networks of spaces left out of the fit, by name (see `Accuracy`).
        versions: What the measurements depend on.
    """

    device: str
    source: str
    prices: Floats
    forest: Forest
    range_ms: tuple[float, float]
    n_train: int
    accuracy: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def milliseconds(self, found: list[Operation]) -> Floats:
        """Returns (n,) times of operations."""
        base = priced(found, self.prices)
        correction = self.forest.predict(described(found, base))
        times: Floats = base * np.exp(correction.clip(-_LARGEST_CORRECTION, _LARGEST_CORRECTION))
        return times

    def table(self, space: SearchSpace) -> Floats:
        """Returns (n_cells,) the times of a space's cells."""
        kinds = layer_kinds(space)
        numbers: dict[Operation, int] = {}
        rows, columns = [], []
        for row, layer in enumerate(kinds.layers):
            for operation in operations(cell_nodes(space, layer)):
                rows.append(row)
                columns.append(numbers.setdefault(operation, len(numbers)))
        times = self.milliseconds(list(numbers))
        by_layer: Floats = np.zeros(len(kinds.layers) + 1)
        np.add.at(by_layer, rows, times[columns])
        table: Floats = by_layer[kinds.of_cell]  # the last entry, 0, is that of skipped layers
        return table


def priced(found: list[Operation], prices: Floats) -> Floats:
    """Returns (n,) what operations cost at prices, before any correction."""
    cost: Floats = np.maximum(work(found) @ prices, _SMALLEST_MS)
    return cost


def described(found: list[Operation], base: Floats) -> Floats:
    """Returns (n, n_features) what the trees look at."""
    return np.column_stack([features(found), np.log(base)])


def across_devices(data_dir: Path | str | None = None) -> list[str]:
    """Returns the devices with a model over all spaces."""
    folders = data_folders(data_dir)
    found = {path.name for folder in folders for path in (folder / "latency").glob(f"*{SUFFIX}")}
    return sorted(name.removesuffix(SUFFIX) for name in found)


def across_path(device: str, data_dir: Path | str | None = None) -> Path:
    """Returns where to read a device's model over all spaces: the user's own before the shipped."""
    return find_data(_file(device), data_dir)


@lru_cache(maxsize=16)
def across_table(model: AcrossModel, space: SearchSpace) -> Floats:
    """Returns (n_cells,) a model's times of a space's cells, made once for a space."""
    table = model.table(space)
    table.flags.writeable = False  # shared by all who ask
    return table


def save_across(model: AcrossModel, data_dir: Path | str | None = None) -> Path:
    """Writes a model where `load_across` finds it, atomically; returns the file."""
    path = own_data(_file(model.device), data_dir)
    meta = {
        "schema": SCHEMA,
        "device": model.device,
        "source": model.source,
        "unit": "ms",
        "range_ms": list(model.range_ms),
        "n_train": model.n_train,
        "accuracy": dict(model.accuracy),
        "versions": dict(model.versions),
    }
    save_npz(path, meta, {"prices": model.prices, **model.forest.arrays()})
    return path


def load_across(device: str, data_dir: Path | str | None = None) -> AcrossModel | None:
    """Returns a device's model over all spaces; None where there is none.

    Raises:
        SchemaError: The file is damaged or of a newer schema.
    """
    path = across_path(device, data_dir)
    return _load(path, path.stat().st_mtime_ns) if path.exists() else None


@lru_cache(maxsize=16)
def _load(path: Path, _: int) -> AcrossModel:
    meta, arrays = read_saved(path, SCHEMA)
    try:
        return _read(meta, arrays)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SchemaError(f"{path}: damaged or not a file of evonas ({error!r})") from error


def _read(meta: dict[str, Any], arrays: Mapping[str, Any]) -> AcrossModel:
    prices = arrays["prices"].astype(np.float64)
    wanted = work([Operation(0, 1, 1, 1, 1)]).shape[1]
    if prices.shape != (wanted,) or not np.isfinite(prices).all() or (prices < 0).any():
        raise ValueError(f"prices of shape {prices.shape}, expected ({wanted},)")
    low, high = map(float, meta["range_ms"])
    return AcrossModel(
        str(meta["device"]),
        str(meta["source"]),
        prices,
        forest_from_arrays(arrays, _N_FEATURES + 1),
        (low, high),
        int(meta["n_train"]),
        {name: float(value) for name, value in meta["accuracy"].items()},
        {name: str(value) for name, value in meta["versions"].items()},
    )


def _file(device: str) -> str:
    return f"latency/{check_device_name(device)}{SUFFIX}"
