"""A table as the pages read it: its own columns and those of the user's own devices.

The latencies of an imported device stand in no table. Its predictor fills them for every row of
any table of its space when they are asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app.shared.tables import load_table, table_version
from evonas.arrays import Floats
from evonas.errors import EvonasError
from evonas.latency import LatencyPredictor, load_predictor, own_devices
from evonas.latency.memory_limit import feasible_latency
from evonas.space import Genotypes
from evonas.space.memory import MEMORY
from evonas.table import BenchmarkTable

Version = tuple[tuple[str, int, int], ...]
_LATENCY = "latency:"


@dataclass(frozen=True, slots=True, eq=False)
class TableView:
    """A table with a column more per device of the user's own that the table does not know.

    Attributes:
        table: The table.
        path: Where it lies.
        predictors: By column, for the one space that is looked at.
        faults: By device, why its predictor cannot be read.
    """

    table: BenchmarkTable
    path: Path
    predictors: Mapping[str, LatencyPredictor]
    faults: Mapping[str, EvonasError]

    def columns(self, space: str) -> list[str]:
        """Returns the table's columns, what memory asks for, and those predicted here."""
        stored = self.table.columns(space)
        needs = [name for name in MEMORY if name not in stored]
        return [*stored, *needs, *self.predictors]

    def column(self, name: str, space: str) -> Floats:
        """Returns (n,) values; those predicted are computed once per table and predictor."""
        if name not in self.predictors:
            return self.table.column(name, space)
        predictor = self.predictors[name]
        version = table_version(self.path)
        return _predicted(str(self.path), version, space, predictor.checksum, predictor)

    def genotypes(self, space: str) -> Genotypes:
        """Returns (n, n_genes)."""
        return self.table.genotypes(space)

    def provenance(self, column: str, space: str) -> Mapping[str, str]:
        """Returns what a column's values depend on; of those predicted here, the predictor."""
        if column not in self.predictors:
            return self.table.provenance(column, space)
        predictor = self.predictors[column]
        return {"source": "predicted", "predictor": predictor.checksum, "in": "this app"}

    def lookup(
        self, architectures: Genotypes, columns: Sequence[str], space: str
    ) -> dict[str, Floats]:
        """Returns (k,) values per column of architectures (k, n_genes), NaN where missing."""
        stored = [name for name in columns if name not in self.predictors]
        found = self.table.lookup(architectures, stored, space)
        return found | {
            name: feasible_latency(self.predictors[name], architectures)
            for name in columns
            if name in self.predictors
        }


def view_table(path: Path, space: str) -> TableView:
    """Returns a table as it is on disk now, with the user's own devices of a space.

    A column that the table has is left as it is.

    Raises:
        SchemaError: The table is damaged or newer than this evonas.
    """
    table = load_table(path)
    known = table.columns(space)
    predictors, faults = {}, {}
    for device in own_devices(space):
        if f"{_LATENCY}{device}" in known:
            continue
        try:
            predictors[f"{_LATENCY}{device}"] = load_predictor(device, space)
        except EvonasError as error:
            faults[device] = error
    return TableView(table, path, predictors, faults)


@st.cache_resource(max_entries=16, show_spinner="predicting latencies")
def _predicted(
    path: str, version: Version, space: str, checksum: str, _predictor: LatencyPredictor
) -> Floats:
    genotypes = load_table(Path(path)).genotypes(space)
    values = feasible_latency(_predictor, genotypes)
    values.flags.writeable = False
    return values
