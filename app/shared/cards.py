"""Where a table's numbers come from and how far to trust them."""

from collections.abc import Mapping

from evonas.errors import EvonasError
from evonas.latency import load_predictor
from evonas.objectives import load_objective
from evonas.table import BenchmarkTable


def sources(table: BenchmarkTable, space: str) -> dict[str, str]:
    """Returns the source of each column's numbers."""
    return {name: table.provenance(name, space).get("source", "") for name in table.columns(space)}


def column_cards(table: BenchmarkTable, space: str) -> list[dict[str, str]]:
    """Returns for each column its unit, source, error and what its numbers depend on."""
    cards = []
    for name in table.columns(space):
        provenance = table.provenance(name, space)
        depends = {k: v for k, v in provenance.items() if k != "source"}
        cards.append(
            {
                "column": name,
                "unit": _unit(name),
                "source": provenance.get("source", "unknown"),
                "error": _error(name, space, provenance),
                "depends on": "; ".join(f"{k} {v}" for k, v in depends.items()),
            }
        )
    return cards


def device_error(device: str, space: str) -> str:
    """Returns in words how far a device's predictor was off on networks it never saw."""
    try:
        figures = load_predictor(device, space).accuracy
    except EvonasError:
        return "no predictor here any more"
    if not figures:
        return "not known"
    return (
        f"off by {figures['mape']:.1%} on average, {figures['within_5']:.0%} within 5 % "
        f"({figures['n_test']:.0f} held-out networks)"
    )


def _error(name: str, space: str, provenance: Mapping[str, str]) -> str:
    source = provenance.get("source")
    if source == "predicted" and name.startswith("latency:"):
        return device_error(name.partition(":")[2], space)
    if source == "analytic":
        formula = "a formula, not a device" if name.startswith("latency:") else "exact"
        return formula
    if source == "supernet":
        return "shared weights rank networks; trained from scratch they score differently"
    return "not known"


def _unit(name: str) -> str:
    try:
        return load_objective(name).unit
    except EvonasError:
        return ""
