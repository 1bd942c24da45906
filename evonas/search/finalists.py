"""The front of a search, measured: predictions are least sure just where a search ends."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import EvonasError
from evonas.objectives import pareto_mask
from evonas.scoring.analytic import UPPER
from evonas.scoring.measured import Remeasured, is_exact, measure_networks, predicted_bounds
from evonas.search.constraints import Constraint
from evonas.search.run import SearchResult
from evonas.space import Genotypes

OVER_BUDGET, TOO_LARGE, STILL_FRONT = "over_budget", "too_large", "measured_front"
PREDICTED, MEASURED = "latency:", "measured:"
# Ends of a 90 % interval of a prediction, and quartiles of a measurement.
ENDS = {PREDICTED: ("latency_low:", "latency_high:"), MEASURED: ("measured_low:", "measured_high:")}
_TENTH = 0.1

# Called with the device, networks done and networks in all.
Progress = Callable[[str, int, int], None]


def remeasure(
    result: SearchResult,
    constraints: Iterable[Constraint] = (),
    progress: Progress = lambda device, done, total: None,
) -> tuple[SearchResult, Mapping[str, str]]:
    """Measures a front on every device that it was searched for and that can be reached here.

    Args:
        result: What a search found.
        constraints: Its budgets.
        progress: Called after every network.

    Returns:
        The result with, beside `latency:DEVICE`, the ends of the prediction's interval, and
        `measured:DEVICE`, of runtimes with its quartiles; `over_budget`, 1 where a measured time
        breaks a constraint; `too_large`, 1 where the network does not fit into a device;
        `measured_front`, 1 where it is on the front by measured times, if all are known. And by
        device, what is to be said of it: why networks were not measured, or how sure they are.
        Analytic devices are exact and not measured.
    """
    front = result.archive.genotypes[result.front]
    found: dict[str, Remeasured] = {}
    remarks: dict[str, str] = {}
    exact = 0
    named = (name.partition(":") for name in result.archive.columns)
    names = dict.fromkeys(device for kind, _, device in named if f"{kind}:" in (PREDICTED, UPPER))
    for device in names:
        try:
            if is_exact(device):
                exact += 1
                continue
            found[device] = measure_networks(device, result.space, front, partial(progress, device))
        except EvonasError as error:
            remarks[device] = f"finalists were not measured: {error}"
            continue
        if said := found[device].remarks():
            remarks[device] = "; ".join(said)
    if not found:
        return result, remarks
    known = {name: values[result.front] for name, values in result.archive.columns.items()}
    times = {
        kind + device: one.latency_ms
        for device, one in found.items()
        for kind in (PREDICTED, UPPER)
    }
    columns = _columns(result.space.name, front, known, found)
    too_large = np.any([one.misfits for one in found.values()], axis=0)
    over = np.zeros(len(front), bool)
    for constraint in constraints:
        if not times.keys().isdisjoint(constraint.columns):
            over |= constraint.violation(known | times) > 0
    columns[OVER_BUDGET] = over.astype(np.float64)
    if too_large.any():
        columns[TOO_LARGE] = too_large.astype(np.float64)
    unknown = np.any([np.isnan(values) for values in times.values()], axis=0) & ~too_large
    if len(found) + exact == len(names) and not unknown.any():
        allowed = ~over & ~too_large
        columns[STILL_FRONT] = _still_front(result, known | times, allowed).astype(np.float64)
    return replace(result, measured=columns), remarks


def within_tenth(result: SearchResult) -> dict[str, tuple[int, int]]:
    """Returns by device how many of the front's measured times are within 10 % of the predicted.

    The second number is how many have a measured time.
    """
    found = {}
    for name, times in result.measured.items():
        if name.startswith(MEASURED):
            device = name.removeprefix(MEASURED)
            predicted = result.archive.columns[PREDICTED + device][result.front]
            close = np.abs(predicted / times - 1) <= _TENTH
            found[device] = int(close.sum()), int(np.isfinite(times).sum())
    return found


def _columns(
    space: str,
    front: Genotypes,
    known: Mapping[str, Floats],
    found: Mapping[str, Remeasured],
) -> dict[str, Floats]:
    columns: dict[str, Floats] = {}
    for device, one in found.items():
        told = PREDICTED + device in known
        bounds = predicted_bounds(device, space, front) if told else None
        if bounds is not None:
            columns |= {end + device: ms for end, ms in zip(ENDS[PREDICTED], bounds, strict=True)}
        columns[MEASURED + device] = one.latency_ms
        if one.repeated:
            low, high = (end + device for end in ENDS[MEASURED])
            columns |= {low: one.low, high: one.high}
    return columns


def _still_front(
    result: SearchResult, values: Mapping[str, Floats], allowed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Returns which of the front's networks are on the front of those that are allowed."""
    chosen = np.stack([values[objective.name] for objective in result.objectives], axis=1)
    chosen[~allowed] = np.nan
    return pareto_mask(chosen, result.objectives)
