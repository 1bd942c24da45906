"""The front of a search, measured: predictions are least sure just where a search ends."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from evonas.arrays import Floats
from evonas.errors import EvonasError
from evonas.scoring.analytic import LATENCY, UPPER
from evonas.scoring.measured import is_exact, measure_latency
from evonas.search.constraints import Constraint
from evonas.search.run import SearchResult

OVER_BUDGET = "over_budget"
_MEASURED = "measured:"

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
        The result with `measured:DEVICE` (ms) beside `latency:DEVICE`, and `over_budget`, 1 where
        a measured time breaks a constraint; and by device with networks not measured, why.
        Analytic devices are exact and not measured.
    """
    front = result.archive.genotypes[result.front]
    columns: dict[str, Floats] = {}
    reasons: dict[str, str] = {}
    devices = [name.removeprefix(UPPER).removeprefix(LATENCY) for name in result.archive.columns]
    named = zip(devices, result.archive.columns, strict=True)
    for device in dict.fromkeys(device for device, name in named if device != name):
        try:
            if is_exact(device):
                continue
            times = measure_latency(device, result.space, front, partial(progress, device))
        except EvonasError as error:
            reasons[device] = str(error)
            continue
        columns[_MEASURED + device] = times
        if unknown := int(np.isnan(times).sum()):
            reasons[device] = f"{unknown} of {len(front)} take its compiler too long"
    over = np.zeros(len(result.front), bool)
    known = {name: values[result.front] for name, values in result.archive.columns.items()}
    measured = {
        name.replace(_MEASURED, predicted): values
        for name, values in columns.items()
        for predicted in (LATENCY, UPPER)
    }
    for constraint in constraints:
        if not measured.keys().isdisjoint(constraint.columns):
            over |= constraint.violation(known | measured) > 0
    if columns:
        columns[OVER_BUDGET] = over.astype(np.float64)
    return replace(result, measured=columns), reasons
