"""Fits a device's model over all spaces: to operations' times, or to networks' where not told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import DataError, MissingPackageError
from evonas.latency.predictors.across import ACROSS, AcrossModel, described, priced
from evonas.latency.predictors.forest import forest_of
from evonas.latency.predictors.metrics import accuracy
from evonas.latency.predictors.operations import Operation, work
from evonas.latency.predictors.shared_times import shared_times

_TREES: dict[str, Any] = {
    "max_iter": 250,
    "learning_rate": 0.08,
    "max_leaf_nodes": 16,
    "min_samples_leaf": 5,
    "l2_regularization": 1.0,
    "random_state": 0,
    "early_stopping": False,
}
_MOST_FOLDS, _FEWEST_SPACES = 5, 2
# Operations of little time must not be forgotten altogether: a share of the mean weight.
_LEAST_WEIGHT = 0.02
_EVEN_WEIGHT = 0.3  # in the prices, where all kinds of operations must be told
_LEAST_MS = 1e-5


@dataclass(frozen=True, eq=False)
class NetworkTimes:
    """One measured network of any space.

    Attributes:
        group: Number of its space; spaces are left out as a whole.
        operations: What it consists of.
        milliseconds: Its time.
        times: (n_operations,) the time of each, where the source tells; else None.
    """

    group: int
    operations: tuple[Operation, ...]
    milliseconds: float
    times: Floats | None = None


def fit_across(
    device: str,
    source: str,
    networks: Sequence[NetworkTimes],
    versions: Mapping[str, str],
) -> AcrossModel:
    """Fits a model and asks spaces left out of the fit, in up to five folds, what it is worth.

    Raises:
        DataError: A single space.
        MissingPackageError: scikit-learn is not installed.
    """
    groups = np.array([network.group for network in networks])
    folds = _folds(groups)
    measured = np.array([network.milliseconds for network in networks])
    predicted = np.zeros(len(networks))
    for k in np.unique(folds):
        train = [n for n, fold in zip(networks, folds, strict=True) if fold != k]
        left_out = np.flatnonzero(folds == k)
        model = fit_model(device, source, train)
        predicted[left_out] = _predicted(model, [networks[int(row)] for row in left_out])
    return replace(
        fit_model(device, source, networks),
        accuracy=accuracy(measured, predicted).as_dict(),
        versions={**versions, "errors": ACROSS},
    )


def _predicted(model: AcrossModel, networks: Sequence[NetworkTimes]) -> Floats:
    """Returns (n_networks,) times; each distinct operation is asked for once."""
    found, rows = _distinct(networks)
    times = model.milliseconds(found)
    return np.array([times[row].sum() for row in rows])


def _distinct(networks: Sequence[NetworkTimes]) -> tuple[list[Operation], list[list[int]]]:
    """Returns the distinct operations, and by network the places of its own among them."""
    numbers: dict[Operation, int] = {}
    rows = [[numbers.setdefault(op, len(numbers)) for op in n.operations] for n in networks]
    return list(numbers), rows


def _folds(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    spaces = np.unique(groups)
    if len(spaces) < _FEWEST_SPACES:
        raise DataError(f"{len(spaces)} space: at least {_FEWEST_SPACES} are required")
    fold_of = np.random.default_rng(0).permutation(len(spaces)) % _MOST_FOLDS
    folds: NDArray[np.int64] = fold_of[np.searchsorted(spaces, groups)]
    return folds


def fit_model(device: str, source: str, networks: Sequence[NetworkTimes]) -> AcrossModel:
    """Fits a model whose error nothing tells.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    told = all(network.times is not None for network in networks)
    found, times, weight = _operation_times(networks) if told else _shared_times(networks)
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError:
        raise MissingPackageError("scikit-learn", "train") from None
    weight = weight / weight.mean() + _LEAST_WEIGHT
    prices = _prices(work(found) / times[:, None], np.sqrt(weight + _EVEN_WEIGHT))
    base = priced(found, prices)
    trees = HistGradientBoostingRegressor(**_TREES).fit(
        described(found, base),
        np.log(times / base),
        sample_weight=weight,
    )
    milliseconds = [network.milliseconds for network in networks]
    return AcrossModel(
        device,
        source,
        prices,
        forest_of(trees),
        (min(milliseconds), max(milliseconds)),
        len(networks),
    )


def _operation_times(networks: Sequence[NetworkTimes]) -> tuple[list[Operation], Floats, Floats]:
    """Returns distinct operations, their mean times and how much they weigh in networks."""
    found, by_network = _distinct(networks)
    rows = np.concatenate(by_network)
    times = np.concatenate([n.times for n in networks if n.times is not None])
    share = np.concatenate([n.times / n.milliseconds for n in networks if n.times is not None])
    mean = np.bincount(rows, times) / np.bincount(rows)
    return found, np.maximum(mean, _LEAST_MS), np.sqrt(np.bincount(rows, np.square(share)))


def _shared_times(networks: Sequence[NetworkTimes]) -> tuple[list[Operation], Floats, Floats]:
    """Returns the same as `_operation_times`, from the networks' times alone."""
    found, rows = _distinct(networks)
    counts = np.stack([np.bincount(row, minlength=len(found)) for row in rows]).astype(np.float64)
    milliseconds = np.array([network.milliseconds for network in networks])
    prices = _prices(counts @ work(found) / milliseconds[:, None], np.ones(len(networks)))
    times = shared_times(found, counts, milliseconds, priced(found, prices))
    times = np.maximum(times, _LEAST_MS)
    share = counts * times / milliseconds[:, None]
    return found, times, np.sqrt(np.square(share).sum(axis=0))


def _prices(asked: Floats, weight: Floats) -> Floats:
    """Returns the non-negative prices of least relative error, (n_amounts,).

    Args:
        asked: (n, n_amounts) amounts over the time they took.
        weight: (n,) of each row.
    """
    from scipy.optimize import nnls

    scale = asked.max(axis=0) + 1e-300
    prices: Floats = nnls(asked / scale * weight[:, None], weight)[0] / scale
    return prices
