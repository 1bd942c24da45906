"""Columns that follow from a genotype at once: costs, and what predictors say of a device."""

from collections.abc import Iterable, Mapping

import numpy as np

from evonas.arrays import Floats
from evonas.latency import load_predictor
from evonas.latency.memory_limit import SURE, has_limit, load_chances
from evonas.scoring.scorer import ScoreStore
from evonas.space import Genotypes, SearchSpace
from evonas.space.costs import COSTS
from evonas.space.memory import MEMORY

# Predicted, and what a measured time seldom exceeds; see `LatencyPredictor.upper`.
LATENCY, UPPER = "latency:", "latency_upper:"
# How surely a network fits into a device's memory.
FITS = "fits:"


def is_analytic(column: str) -> bool:
    """Returns whether a column needs no scorer."""
    return column in (*COSTS, *MEMORY) or is_predicted(column) or column.startswith(FITS)


def is_predicted(column: str) -> bool:
    """Returns whether a column is that of a device's predictor."""
    return column.startswith((LATENCY, UPPER))


class PredictedColumn:
    """A device's latency as its predictor tells it, with a margin if the name asks for it.

    Args:
        space: The genotypes' space.
        column: `latency:DEVICE` or `latency_upper:DEVICE`.

    Raises:
        ConfigurationError: No predictor for the device and space, or one that knows no margin.
    """

    def __init__(self, space: SearchSpace, column: str) -> None:
        kind, _, device = column.partition(":")
        self.predictor = load_predictor(device, space)
        self.upper = f"{kind}:" == UPPER
        self.margins = [i.upper() for i in self.predictor.intervals()] if self.upper else []

    def __call__(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) milliseconds of genotypes (n, n_genes)."""
        return (self.predictor.upper if self.upper else self.predictor.predict)(genotypes)

    @property
    def checksum(self) -> str:
        """Identifies the numbers behind its values."""
        margins = "/".join(f"{margin:.5f}" for margin in self.margins)
        return self.predictor.checksum + (f" x {margins}" if margins else "")


def memory_limits(space: SearchSpace, columns: Iterable[str]) -> list[str]:
    """Returns a condition for each device into which some networks do not fit.

    Args:
        space: The space.
        columns: What is searched for; devices of which `fits:DEVICE` is among them are left out.

    Raises:
        ConfigurationError: No predictor for a device and the space.
    """
    named = dict.fromkeys(columns)
    devices = dict.fromkeys(name.partition(":")[2] for name in named if is_predicted(name))
    return [
        f"{FITS}{device} >= {SURE}"
        for device in devices
        if f"{FITS}{device}" not in named and has_limit(device, space)
    ]


class AnalyticColumns:
    """Computes analytic columns of a space's genotypes.

    Predictors are loaded when it is made, so that an unknown device is refused before any work.

    Args:
        space: The genotypes' space.
        columns: Names of analytic columns.

    Raises:
        ConfigurationError: No predictor for the device and space.
    """

    def __init__(self, space: SearchSpace, columns: Iterable[str]) -> None:
        self.space = space
        self.columns = tuple(dict.fromkeys(columns))
        assert all(map(is_analytic, self.columns)), self.columns
        self._predicted = {
            name: PredictedColumn(space, name) for name in self.columns if is_predicted(name)
        }
        self._chances = {
            name: load_chances(name.removeprefix(FITS), space)
            for name in self.columns
            if name.startswith(FITS)
        }

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Returns each column, (n,), of genotypes (n, n_genes); latencies in ms."""
        costs = self.space.costs(genotypes) if set(COSTS) & set(self.columns) else {}
        for name, chances in self._chances.items():
            costs[name] = chances(genotypes)
        for name in MEMORY.keys() & set(self.columns):
            costs[name] = MEMORY[name](self.space, genotypes)
        return {
            name: costs[name] if name in costs else self._predicted[name](genotypes)
            for name in self.columns
        }

    def provenance(self, column: str) -> dict[str, str]:
        """Returns what a column's values depend on."""
        if column.startswith(FITS):
            return {"source": "predicted", "unit": "", "direction": "max"}
        if column not in self._predicted:
            return {"source": "analytic"}
        return {"source": "predicted", "predictor": self._predicted[column].checksum}

    def keep(self, store: ScoreStore, genotypes: Genotypes, values: Mapping[str, Floats]) -> None:
        """Gives a store those values, each (n,), that it lacks."""
        known = store.known(genotypes, self.columns, self.space)
        for name in self.columns:
            lacking = np.isnan(known[name])
            if lacking.any():
                store.append(
                    self.space,
                    genotypes[lacking],
                    {name: values[name][lacking]},
                    provenance=self.provenance(name),
                )
