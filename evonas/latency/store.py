"""Measurements of one device in one space, as a small NPZ file that grows with its campaign."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.definitions import definition, later_fields
from evonas.errors import EvonasError, GenotypeError, SchemaError
from evonas.files import atomic_file
from evonas.latency.devices import check_device_name
from evonas.limits import parse_json
from evonas.npz import read_npz
from evonas.paths import find_data, own_data
from evonas.space import Genotypes, SearchSpace
from evonas.space.architecture import head_levels
from evonas.space.blocks import Conv

SCHEMA = 1
# What the names of such files end in: of whole networks, and of networks cut short.
MEASUREMENTS, PREFIXES = ".measurements.npz", ".prefixes.npz"
_CONV_VERSION_1 = (
    "c_in",
    "c_out",
    "kernel",
    "stride",
    "depthwise",
    "activation",
    "batch_norm",
    "squeeze_excite",
)


# How a network came into a campaign.
ROLES = ("random", "stratified", "front", "prefix")


@dataclass(frozen=True)
class Measurements:
    """Rows of measured networks.

    Attributes:
        space: The space.
        device: Name of the device.
        genotypes: (n, n_genes) canonical.
        columns: (n,) each: `latency_ms`, `spread`, `role` (index into `ROLES`) and the source's
            further figures; `parts_ms` (n, n_parts), where the source tells the time by part.
            NaN where the source gave no answer.
        source: Kind of source, one of a `Device`.
        versions: Everything the figures depend on.
    """

    space: SearchSpace
    device: str
    genotypes: Genotypes
    columns: Mapping[str, Floats]
    source: str
    versions: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.genotypes)

    @property
    def latency_ms(self) -> Floats:
        """(n,) times; measured ones carried to the reference's median time over all rows."""
        times = self.columns["latency_ms"]
        if "reference_ms" not in self.columns or not len(self):
            return times
        reference = self.columns["reference_ms"]
        return times * (np.nanmedian(reference) / reference)

    @property
    def misfits(self) -> NDArray[np.bool_]:
        """(n,) the networks that do not fit into the device's memory; they have no time."""
        fits = self.columns.get("fits", np.ones(len(self)))
        mask: NDArray[np.bool_] = fits == 0
        return mask

    def select(self, rows: NDArray[Any]) -> "Measurements":
        """Returns the rows of a mask or of indices, times carried over beforehand."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        columns["latency_ms"] = self.latency_ms[rows]
        columns.pop("reference_ms", None)
        return replace(self, genotypes=self.genotypes[rows], columns=columns)

    def trusted(self) -> "Measurements":
        """Returns the rows with a time, less those rejected for a drifting machine."""
        kept = np.isfinite(self.columns["latency_ms"])
        if "steady" in self.columns:
            kept &= self.columns["steady"] > 0
        return self.select(kept)


def measurements_path(device: str, space: SearchSpace, data_dir: Path | str | None = None) -> Path:
    """Returns where to read the measurements of a device: the user's own before the shipped."""
    return find_data(_file(device, space), data_dir)


def own_measurements_path(
    device: str, space: SearchSpace, data_dir: Path | str | None = None
) -> Path:
    """Returns where the measurements of a device are written."""
    return own_data(_file(device, space), data_dir)


def prefixes_path(device: str, space: SearchSpace, data_dir: Path | str | None = None) -> Path:
    """Returns where to read the times of a device's networks cut short, as for whole ones."""
    return find_data(_file(device, space, PREFIXES), data_dir)


def own_prefixes_path(device: str, space: SearchSpace, data_dir: Path | str | None = None) -> Path:
    """Returns where the times of a device's networks cut short are written."""
    return own_data(_file(device, space, PREFIXES), data_dir)


def _file(device: str, space: SearchSpace, ending: str = MEASUREMENTS) -> str:
    return f"latency/{space.name}/{check_device_name(device)}{ending}"


def save_measurements(measurements: Measurements, path: Path) -> None:
    """Writes the file in one step: a reader sees the old one or the new one."""
    meta = {
        "schema": SCHEMA,
        "space": measurements.space.name,
        "fingerprint": network_fingerprint(measurements.space),
        "device": measurements.device,
        "source": measurements.source,
        "unit": "ms",
        "versions": dict(measurements.versions),
    }
    columns = measurements.columns.items()
    arrays = {f"column:{name}": values.astype(np.float32) for name, values in columns}
    save_npz(path, meta, {"genotypes": measurements.genotypes, **arrays})


def load_measurements(path: Path, space: SearchSpace) -> Measurements:
    """Reads the file.

    Raises:
        SchemaError: It is missing, damaged, of a newer schema, or of another space.
    """
    meta, arrays = load_npz(path, space, SCHEMA)
    prefix = "column:"
    columns = {
        name.removeprefix(prefix): values.astype(np.float64)
        for name, values in arrays.items()
        if name.startswith(prefix) and values.dtype.kind in "fiu"
    }
    if "latency_ms" not in columns or "genotypes" not in arrays:
        raise SchemaError(f"{path}: holds no genotypes with latency_ms")
    try:
        genotypes = space.check(arrays["genotypes"])
    except GenotypeError as error:
        raise SchemaError(f"{path}: {error}") from error
    for name, values in columns.items():
        if values.ndim != 1 + (name == "parts_ms") or len(values) != len(genotypes):
            raise SchemaError(
                f"{path}: {name} has the shape {values.shape} for {len(genotypes)} networks"
            )
    device, source, versions = (meta.get(name) for name in ("device", "source", "versions"))
    if not (isinstance(device, str) and isinstance(source, str) and isinstance(versions, dict)):
        raise SchemaError(f"{path}: its header has no device, source and versions")
    return Measurements(space, device, genotypes, columns, source, versions)


@lru_cache(maxsize=32)
def network_fingerprint(space: SearchSpace) -> str:
    """Hash of all that a space's genotypes and the networks' shapes depend on.

    Unlike `SearchSpace.fingerprint` it does not change with the anchors' shapes, which cost no
    time.
    """
    skeleton = space.skeleton
    slots = [(slot.name, len(slot.choices)) for slot in space.slots]
    layers = [
        layer and (layer.block, layer.index, layer.size_in, *map(_values, layer.convs()))
        for _, layer in space.cell_layers()
    ]
    widths = [16 + i for i in range(len(skeleton.head.taps))]
    levels = [
        (level.size_in, level.size, *map(_values, (*level.stage, *level.boxes, *level.classes)))
        for level in head_levels(skeleton, widths)
    ]
    text = definition((slots, skeleton.activation, space.stems, layers, levels), {})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _values(conv: Conv) -> tuple[Any, ...]:
    """A convolution's values; those of fields after version 1 stand last, with their names."""
    later = later_fields(conv, _CONV_VERSION_1)
    first = [getattr(conv, name) for name in _CONV_VERSION_1]
    return (*first, *((name, getattr(conv, name)) for name in later))


def save_npz(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays and a JSON header to an NPZ file, atomically."""
    text = np.array(json.dumps(meta, sort_keys=True))
    named: dict[str, Any] = {"meta": text, **arrays}  # numpy 2.0 knows no `allow_pickle` here
    with atomic_file(path) as file:
        np.savez_compressed(file, **named)


def load_npz(
    path: Path, space: SearchSpace, schema: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Reads what `save_npz` wrote and checks that it is of this space and schema.

    Raises:
        SchemaError: The file is missing, damaged, of a newer schema, or of another space.
    """
    meta, arrays = read_saved(path, schema)
    if "fingerprint" not in meta:
        raise SchemaError(f"{path}: damaged or not a file of evonas (no fingerprint)")
    fingerprint = meta["fingerprint"]
    if fingerprint != network_fingerprint(space):
        raise SchemaError(
            f"{path}: belongs to space {meta.get('space')!r} ({fingerprint}), not to "
            f"{space.name!r} ({network_fingerprint(space)})"
        )
    return meta, arrays


def read_saved(path: Path, schema: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Reads what `save_npz` wrote, whatever it belongs to.

    Raises:
        SchemaError: The file is missing, damaged or of a newer schema.
    """
    try:
        arrays = read_npz(path)
        meta = parse_json(str(arrays.pop("meta")), "its header")
        found = int(meta["schema"])
    except FileNotFoundError:
        raise SchemaError(f"{path}: no such file") from None
    except OSError as error:
        raise SchemaError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, EvonasError) as error:
        raise SchemaError(f"{path}: damaged or not a file of evonas ({error})") from error
    if found > schema:
        raise SchemaError(f"{path}: schema {found} is newer than this evonas, which reads {schema}")
    return meta, arrays
