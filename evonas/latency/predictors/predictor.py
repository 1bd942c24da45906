"""Latency predictors: genotypes in, milliseconds out, with what is known of their errors."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.arrays import Floats
from evonas.errors import ConfigurationError, GenotypeError, SchemaError, unknown_name
from evonas.latency.devices import check_device_name, list_devices
from evonas.latency.own_npu import npu_names
from evonas.latency.predictors.across import (
    AcrossModel,
    across_devices,
    across_table,
    load_across,
)
from evonas.latency.predictors.interval import COVERAGE, EXACT, Interval, read_interval
from evonas.latency.predictors.models import Arrays, LinearModel, Model, TranslatedModel
from evonas.latency.predictors.neighbours import NAMES as NEIGHBOUR_ARRAYS
from evonas.latency.predictors.neighbours import read_neighbours
from evonas.latency.sources.analytic import HARDWARE, analytic_model, formula
from evonas.latency.store import load_npz, network_fingerprint, save_npz
from evonas.paths import data_folders, find_data, own_data
from evonas.space import SearchSpace, list_spaces, load_space

# 2: a predictor may be a table with trees, and carries its errors on networks held out.
SCHEMA = 2
# What the name of a predictor's file ends in.
PREDICTOR = ".predictor.npz"


@dataclass(frozen=True)
class LatencyPredictor:
    """Predicts a device's latencies in a space.

    Attributes:
        device: Name of the device.
        space: The space of the genotypes it takes.
        model: What computes the milliseconds.
        source: Kind of source of the measurements it was fitted to.
        range_ms: Smallest and largest latency it was fitted to.
        n_train: Number of networks it was fitted to.
        accuracy: Errors on networks held out of the fit, or by cross-validation for an imported
            device, by name (see `Accuracy`).
        versions: What the measurements depend on.
        interval: How far measured times lie from predictions; None for a predictor saved by an
            evonas that did not keep it.
        by_sureness: The same of networks that the model is sure of and of those that it is not,
            where it tells them apart.
    """

    device: str
    space: SearchSpace
    model: Model
    source: str
    range_ms: tuple[float, float]
    n_train: int = 0
    accuracy: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    interval: Interval | None = None
    by_sureness: tuple[Interval, Interval] | None = None

    def predict(self, genotypes: ArrayLike) -> Floats:
        """Returns (n,) milliseconds for genotypes (n, n_genes)."""
        return self.model.predict(self.space.check(genotypes))

    def margin(self, coverage: float = COVERAGE) -> float:
        """Returns the factor over a prediction that a measured time exceeds so seldom.

        It is that of all networks alike; `upper` and `bounds` take wider ones for those that the
        model is unsure of, and narrower ones for the others.

        Args:
            coverage: Chance that it does not, from 0.5 to below 1.

        Raises:
            ConfigurationError: The predictor keeps no errors, or the coverage is out of its range.
        """
        return self._kept().upper(coverage)

    def upper(self, genotypes: ArrayLike, coverage: float = COVERAGE) -> Floats:
        """Returns (n,) milliseconds that measured times exceed so seldom; see `margin`.

        Raises:
            ConfigurationError: See `margin`.
        """
        [factors] = self._factors(genotypes, lambda i: (i.upper(coverage),))
        return self.predict(genotypes) * factors

    def bounds(self, genotypes: ArrayLike, coverage: float = COVERAGE) -> tuple[Floats, Floats]:
        """Returns (n,) and (n,) milliseconds between which measured times lie so often.

        Raises:
            ConfigurationError: See `margin`.
        """
        low, high = self._factors(genotypes, lambda i: i.bounds(coverage))
        predicted = self.predict(genotypes)
        return predicted * low, predicted * high

    def intervals(self) -> tuple[Interval, ...]:
        """Returns the interval of all networks, or of those it is sure of and of the others.

        Raises:
            ConfigurationError: See `margin`.
        """
        return self.by_sureness or (self._kept(),)

    def _factors(
        self, genotypes: ArrayLike, ends: Callable[[Interval], tuple[float, ...]]
    ) -> tuple[Floats, ...]:
        """Returns (n,) for each of some ends of the interval that a network's time lies in."""
        checked, known = self.space.check(genotypes), self.intervals()
        if len(known) == 1:
            return tuple(np.full(len(checked), end) for end in ends(known[0]))
        unsure = self.model.unsure(checked)
        both = zip(*map(ends, known), strict=True)
        return tuple(np.where(unsure, other, sure) for sure, other in both)

    def _kept(self) -> Interval:
        if self.interval is None:
            raise ConfigurationError(
                f"{self.device} in {self.space.name}: its predictor keeps no errors to take a "
                "margin from; fit it anew: evonas device fit"
            )
        return self.interval

    def by_block(self, genotypes: ArrayLike) -> Floats:
        """Returns (n, n_blocks) milliseconds whose sums over the blocks are the predictions.

        The stem is counted in the first block, a level of the head in the block that it reads.
        """
        layers = self.model.by_layer(self.space.check(genotypes))
        model = self.model
        space = model.parent if isinstance(model, TranslatedModel) else self.space
        blocks = np.array([slot.block for slot in space.layer_slots])
        return np.stack([layers[:, blocks == b + 1].sum(1) for b in range(len(space.blocks))], 1)

    def outside(self, latency_ms: ArrayLike) -> NDArray[np.bool_]:
        """Marks predictions beyond the latencies it was fitted to, which are extrapolations.

        Args:
            latency_ms: (n,) milliseconds as `predict` returns them.

        Raises:
            ConfigurationError: Anything else, such as genotypes.
        """
        times, (low, high) = np.asarray(latency_ms), self.range_ms
        if times.ndim != 1 or times.dtype.kind != "f":
            raise ConfigurationError(
                f"outside: {times.dtype} of shape {times.shape}; (n,) milliseconds are expected, "
                "as predict(genotypes) returns them"
            )
        mask: NDArray[np.bool_] = (times < low) | (times > high)
        return mask

    @property
    def checksum(self) -> str:
        """Identifies the numbers behind its predictions."""
        digest = hashlib.sha256(self.space.name.encode())
        model = self.model.model if isinstance(self.model, TranslatedModel) else self.model
        for name, values in sorted(model.arrays().items()):
            digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()[:16]


def load_predictor(
    device: str, space: SearchSpace | str, data_dir: Path | str | None = None
) -> LatencyPredictor:
    """Returns the predictor of a device for a space.

    A sub-space without one of its own uses that of the space it is part of; a space without any
    uses the device's model over all spaces, if there is one.

    Args:
        device: Name of a device; those imported by the user included.
        space: The space or its name.
        data_dir: Folder of shipped data; that of this repository if None.

    Raises:
        ConfigurationError: The device is unknown, or has no predictor for the space.
        SchemaError: The file is damaged, of a newer schema or of another space.
    """
    space = space if isinstance(space, SearchSpace) else load_space(space)
    for parent in (space, *_parents(space)):
        path = predictor_path(device, parent, data_dir)
        if path.exists():
            found = _read(path, parent)
            if parent is space:
                return found
            return replace(found, space=space, model=TranslatedModel(space, parent, found.model))
    if device in HARDWARE:
        return _analytic(device, space)
    across = load_across(device, data_dir)
    if across is not None:
        return _across(across, space)
    raise _no_predictor(device, space, data_dir)


def save_predictor(predictor: LatencyPredictor, data_dir: Path | str | None = None) -> Path:
    """Writes a predictor where `load_predictor` finds it, atomically; returns the file."""
    path = own_data(_file(predictor.device, predictor.space), data_dir)
    meta = {
        "schema": SCHEMA,
        "kind": predictor.model.kind,
        "space": predictor.space.name,
        "fingerprint": network_fingerprint(predictor.space),
        "device": predictor.device,
        "source": predictor.source,
        "unit": "ms",
        "range_ms": list(predictor.range_ms),
        "n_train": predictor.n_train,
        "accuracy": dict(predictor.accuracy),
        "versions": dict(predictor.versions),
        "ratios": list(predictor.interval.ratios) if predictor.interval else None,
    }
    if predictor.by_sureness:
        meta["ratios_by_sureness"] = [list(each.ratios) for each in predictor.by_sureness]
    save_npz(path, meta, predictor.model.arrays())
    return path


def predictor_path(device: str, space: SearchSpace, data_dir: Path | str | None = None) -> Path:
    """Returns where to read the predictor of a device: the user's own before the shipped."""
    return find_data(_file(device, space), data_dir)


def list_predictors(
    space: SearchSpace | str | None, data_dir: Path | str | None = None
) -> list[str]:
    """Returns the devices that have a predictor for a space; None for a space yet to be made."""
    space = load_space(space) if isinstance(space, str) else space
    fitted = {
        path.name.removesuffix(PREDICTOR)
        for folder in data_folders(data_dir)
        for whole in ((space, *_parents(space)) if space else ())
        for path in (folder / "latency" / whole.name).glob(f"*{PREDICTOR}")
    }
    return sorted(fitted | HARDWARE.keys() | set(across_devices(data_dir)))


def _file(device: str, space: SearchSpace) -> str:
    return f"latency/{space.name}/{check_device_name(device)}{PREDICTOR}"


def _analytic(device: str, space: SearchSpace) -> LatencyPredictor:
    versions = {"formula": formula(device)}
    everything = (0.0, float("inf"))
    model = analytic_model(device, space)
    return LatencyPredictor(
        device, space, model, "analytic", everything, versions=versions, interval=EXACT
    )


def _across(across: AcrossModel, space: SearchSpace) -> LatencyPredictor:
    return LatencyPredictor(
        across.device,
        space,
        LinearModel(space, across_table(across, space), "across"),
        across.source,
        across.range_ms,
        across.n_train,
        across.accuracy,
        across.versions,
    )


def _read(path: Path, space: SearchSpace) -> LatencyPredictor:
    meta, arrays = load_npz(path, space, SCHEMA)
    if set(arrays) not in ({"table"}, set(NEIGHBOUR_ARRAYS)):
        raise SchemaError(
            f"{path}: a predictor holds one table, or one with trees; this holds {sorted(arrays)}"
        )
    table = arrays["table"]
    n_cells = space.n_cells
    if table.shape != (n_cells,) or table.dtype.kind != "f" or not np.isfinite(table).all():
        raise SchemaError(
            f"{path}: its table has {table.shape} {table.dtype}; {space.name} has {n_cells} "
            "finite times"
        )
    texts = [meta.get(name) for name in ("device", "kind", "source")]
    if not all(isinstance(text, str) for text in texts):
        raise SchemaError(f"{path}: its header has no device, kind and source")
    try:
        low, high = map(float, meta["range_ms"])
        return LatencyPredictor(
            device=str(meta["device"]),
            space=space,
            model=_read_model(space, arrays, str(meta["kind"])),
            source=str(meta["source"]),
            range_ms=(low, high),
            n_train=int(meta["n_train"]),
            accuracy={name: float(value) for name, value in meta["accuracy"].items()},
            versions=dict(meta["versions"]),
            interval=read_interval(meta["ratios"]) if meta.get("ratios") else None,
            by_sureness=_read_both(meta.get("ratios_by_sureness")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SchemaError(f"{path}: its header is damaged ({error!r})") from error


def _read_both(ratios: Any) -> tuple[Interval, Interval] | None:
    if ratios is None:
        return None
    sure, unsure = ratios
    return read_interval(sure), read_interval(unsure)


def _read_model(space: SearchSpace, arrays: Arrays, kind: str) -> Model:
    if len(arrays) > 1:
        return read_neighbours(space, arrays)
    return LinearModel(space, arrays["table"].astype(np.float64), kind)


def _parents(space: SearchSpace) -> list[SearchSpace]:
    """Spaces that contain this one, nearest first."""
    found = []
    lowest = np.zeros((1, space.n_genes), np.uint8)
    for name in list_spaces():
        other = load_space(name)
        if other.name == space.name or other.skeleton != space.skeleton:
            continue
        try:
            space.translate(lowest, other)
        except GenotypeError:
            continue
        found.append(other)
    return sorted(found, key=lambda other: other.size)


def _no_predictor(
    device: str, space: SearchSpace, data_dir: Path | str | None
) -> ConfigurationError:
    available = list_predictors(space, data_dir)
    known = {*(known.name for known in list_devices()), *npu_names(data_dir)}
    if device not in known:
        return unknown_name("device", device, {*available, *known})
    options = f"--device {device} --space {space.name}"
    return ConfigurationError(
        f"device {device!r} has no predictor for space {space.name!r} (available: "
        f"{', '.join(available) or 'none'}); make one with: evonas device measure {options} "
        f"--count 200 && evonas device fit {options}"
    )
