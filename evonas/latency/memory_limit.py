"""Which networks fit into a device's memory: a model of what its compiler says of a campaign.

How much on-chip memory a network needs is not known before it is compiled: where memory is short
the compiler cuts maps into stripes, across layers. The model gives every layer a chance of its own
to be too much, from its kind and the sizes of its maps; a network fits if no layer is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.arrays import Floats
from evonas.errors import DataError, SchemaError
from evonas.latency.devices import check_device_name
from evonas.latency.predictors.models import TranslatedModel
from evonas.latency.predictors.predictor import LatencyPredictor, load_predictor
from evonas.latency.store import Measurements, load_npz, network_fingerprint, save_npz
from evonas.paths import find_data, own_data
from evonas.space import Genotypes, Layer, SearchSpace
from evonas.space.blocks import OP_KINDS
from evonas.space.costs import placed
from evonas.space.memory import memory_table

SCHEMA = 1
MEMORY_LIMIT = ".memory.npz"  # what the name of such a file ends in
# A search takes networks that fit at least this surely.
SURE = 0.75
_SMOOTH = 0.1
_FOLDS = 5
_FEWEST = 20

DataDir = Path | str | None


@dataclass(frozen=True, slots=True, eq=False)
class MemoryLimit:
    """How surely networks fit into a device.

    Attributes:
        device: Name of the device.
        space: The space of the genotypes it takes.
        table: (n_cells,) minus the logarithm of each layer's chance to fit.
        limit_bytes: What is there.
        n_train: Networks it was fitted to.
        share: Of them, which share fits.
        right: Share of networks of which it says the right thing, by cross-validation.
    """

    device: str
    space: SearchSpace
    table: Floats
    limit_bytes: int
    n_train: int
    share: float
    right: float

    def chance(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) how surely networks fit, 0 to 1."""
        chance: Floats = np.exp(-self.space.sum_cells(genotypes, self.table))
        return chance


def fit_memory_limit(measurements: Measurements) -> MemoryLimit | None:
    """Fits the model to a campaign; None where every network of it fits.

    Raises:
        DataError: None fits, or too few to learn a latency from.
    """
    told = np.isfinite(measurements.columns.get("fits", np.full(len(measurements), np.nan)))
    genotypes, fits = measurements.genotypes[told], ~measurements.misfits[told]
    if fits.all():
        return None
    limit = int(measurements.versions["sram_limit"])
    if not fits.any():
        needed = measurements.columns["sram_peak_bytes"][told].min()
        raise DataError(
            f"{measurements.device}: none of {len(fits)} networks of {measurements.space.name} "
            f"fits into {limit:,} bytes of SRAM; the least needs {needed:,.0f}"
        )
    if fits.sum() < _FEWEST:
        raise DataError(
            f"{measurements.device}: {fits.sum()} of {len(fits)} networks of "
            f"{measurements.space.name} fit into {limit:,} bytes of SRAM; at least {_FEWEST} are "
            "required: measure more (--count)"
        )
    features, there = _features(measurements.space, limit)
    cells = measurements.space.cells(genotypes)
    table = _fit(features, there, cells, fits)
    right = np.zeros(len(fits), bool)
    fold = np.arange(len(fits)) % _FOLDS
    for k in range(_FOLDS):
        rest, left = fold != k, fold == k
        said = np.exp(-_fit(features, there, cells[rest], fits[rest])[cells[left]].sum(1)) >= SURE
        right[left] = said == fits[left]
    return MemoryLimit(
        measurements.device,
        measurements.space,
        table,
        limit,
        len(fits),
        float(fits.mean()),
        float(right.mean()),
    )


def save_memory_limit(model: MemoryLimit, data_dir: DataDir = None) -> Path:
    """Writes a model where `load_memory_limit` finds it; returns the file."""
    path = own_data(_file(model.device, model.space), data_dir)
    meta = {
        "schema": SCHEMA,
        "space": model.space.name,
        "fingerprint": network_fingerprint(model.space),
        "device": model.device,
        "limit_bytes": model.limit_bytes,
        "n_train": model.n_train,
        "share": model.share,
        "right": model.right,
    }
    save_npz(path, meta, {"table": model.table})
    return path


def forget_memory_limit(device: str, space: SearchSpace, data_dir: DataDir = None) -> None:
    """Removes the user's own model of a device whose networks all fit."""
    own_data(_file(device, space), data_dir).unlink(missing_ok=True)


def load_memory_limit(
    device: str, space: SearchSpace, data_dir: DataDir = None
) -> MemoryLimit | None:
    """Returns a device's model; None where all networks fit, as far as is known.

    Raises:
        ConfigurationError: The device has no predictor for the space.
        SchemaError: The file is damaged, of a newer schema or of another space.
    """
    path = find_data(_file(device, space), data_dir)
    if not path.exists():
        return None
    meta, arrays = load_npz(path, space, SCHEMA)
    table = arrays.get("table", np.empty(0))
    if table.shape != (space.n_cells,) or table.dtype.kind != "f" or not (table >= 0).all():
        raise SchemaError(f"{path}: its table is not one of {space.name}")
    try:
        limit, n = int(meta["limit_bytes"]), int(meta["n_train"])
        share, right = float(meta["share"]), float(meta["right"])
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"{path}: its header is damaged ({error!r})") from error
    return MemoryLimit(device, space, table.astype(np.float64), limit, n, share, right)


def load_chances(device: str, space: SearchSpace) -> Callable[[ArrayLike], Floats]:
    """Returns what says how surely networks (n, n_genes) fit, (n,): 1 where there is no limit.

    Raises:
        ConfigurationError: The device has no predictor for the space.
    """
    return _chances(device, load_predictor(device, space))


def _chances(device: str, predictor: LatencyPredictor) -> Callable[[ArrayLike], Floats]:
    space = predictor.space
    limit, home = _limit(device, predictor)

    def chances(genotypes: ArrayLike) -> Floats:
        rows = space.check(genotypes)
        if limit is None:
            return np.ones(len(rows))
        return limit.chance(rows if home is space else space.translate(rows, home))

    return chances


def feasible_latency(predictor: LatencyPredictor, genotypes: ArrayLike) -> Floats:
    """Returns (n,) predicted milliseconds, NaN for networks that probably do not fit."""
    fits = _chances(predictor.device, predictor)(genotypes) >= SURE
    latency: Floats = np.where(fits, predictor.predict(genotypes), np.nan)
    return latency


def has_limit(device: str, space: SearchSpace) -> bool:
    """Returns whether some networks of a space are known not to fit into a device.

    Raises:
        ConfigurationError: The device has no predictor for the space.
    """
    return _limit(device, load_predictor(device, space))[0] is not None


def _limit(device: str, predictor: LatencyPredictor) -> tuple[MemoryLimit | None, SearchSpace]:
    """Returns a device's model, and the space that it and the predictor are of."""
    model = predictor.model
    home = model.parent if isinstance(model, TranslatedModel) else predictor.space
    return load_memory_limit(device, home), home


def _file(device: str, space: SearchSpace) -> str:
    return f"latency/{space.name}/{check_device_name(device)}{MEMORY_LIMIT}"


def _fit(
    features: Floats, there: NDArray[np.bool_], cells: NDArray[Any], fits: NDArray[np.bool_]
) -> Floats:
    """Returns (n_cells,) minus the logarithm of each cell's chance, by maximum likelihood."""
    from scipy.optimize import minimize

    used, place = np.unique(cells, return_inverse=True)
    n_layers = cells.shape[1]
    place = place.reshape(-1, n_layers)
    given, real = features[used], there[used]

    def loss(weights: Floats) -> tuple[float, Floats]:
        raised = given @ weights
        each = np.logaddexp(0, raised) * real
        total = each[place].sum(axis=1)
        unlikely = np.maximum(-np.expm1(-total), 1e-12)
        value = np.where(fits, total, -np.log(unlikely)).sum()
        slope = np.where(fits, 1.0, -np.exp(-total) / unlikely)
        by_cell = np.bincount(place.ravel(), np.repeat(slope, n_layers), len(used))
        gradient = given.T @ (by_cell * real / (1 + np.exp(-raised)))
        gradient[1:] += 2 * _SMOOTH * weights[1:]
        return float(value + _SMOOTH * weights[1:] @ weights[1:]), gradient

    start = np.zeros(features.shape[1])
    start[0] = -3.0
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    table: Floats = np.logaddexp(0, features @ found.x) * there
    return table


def _features(space: SearchSpace, limit: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Returns (n_cells, k) standardised features, a constant first, and which cells are layers."""
    needs = memory_table(space)
    rows = {
        index: _layer_features(layer, needs[index], limit)
        for index, layer in space.cell_layers()
        if layer is not None
    }
    there = np.zeros(space.n_cells, bool)
    there[list(rows)] = True
    given = np.array(list(rows.values()))
    spread = given.std(axis=0)
    given = (given - given.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    features = np.zeros((space.n_cells, 1 + given.shape[1]))
    features[there] = np.column_stack([np.ones(len(given)), given])
    return features, there


def _layer_features(layer: Layer, needed: float, limit: int) -> list[float]:
    """A layer's kind, and the sizes of its maps by the memory that is there."""
    convs = list(placed(layer.convs(), layer.size_in))
    made = [conv.values_out(size) for conv, size in convs]
    read = layer.c_in * layer.size_in**2
    side = -(-convs[-1][1] // convs[-1][0].stride)
    sizes = np.log(np.array([needed, read, made[-1], read + made[-1], max(made)]) / limit)
    return [
        *(float(layer.op.kind == kind) for kind in OP_KINDS),
        float(layer.residual),
        float(side < layer.size_in),
        float(layer.op.kernel),
        float(layer.index == 1),
        *sizes.tolist(),
        float(np.log(layer.c_in / layer.size_in)),
        float(np.log(layer.c_out / side)),
    ]
