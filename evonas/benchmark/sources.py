"""Where the numbers of the problems come from: predictors, tables, surrogates."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evonas.benchmark.columns import every, is_small
from evonas.benchmark.store import ColumnRecord, values_checksum
from evonas.errors import ConfigurationError
from evonas.latency import list_predictors, load_predictor
from evonas.latency.predictors.models import Model, TranslatedModel, additive
from evonas.objectives import BY_SIZE
from evonas.scoring.surrogate import load_surrogate
from evonas.scoring.surrogate.model import checksum
from evonas.space import SearchSpace, load_space, whole_space
from evonas.table import open_table

ACCURACY = ("map", "map50", *BY_SIZE, "trained_map")


@dataclass(frozen=True, slots=True)
class Sources:
    """What accuracy is taken from.

    Attributes:
        data: Folder of shipped data.
        surrogates: A surrogate's path in `data`, by space.
        tables: A table's path in `data` that holds a whole small space, by space.
    """

    data: Path
    surrogates: dict[str, str]
    tables: dict[str, str]

    def column(self, space: SearchSpace, name: str) -> ColumnRecord | None:
        """Returns a column that does not follow from the space; None if nothing gives it."""
        if name.startswith("latency:"):
            return self._latency(space, name.removeprefix("latency:"))
        if name not in ACCURACY:
            return None
        table = self.tables.get(space.name)
        if table and (self.data / table).exists():
            return self._tabulated(space, name, table)
        surrogate = self.surrogates.get(whole_space(space.name))
        if name == "map" and surrogate and (self.data / surrogate).exists():
            return self._surrogate(space, surrogate)
        return None

    def _latency(self, space: SearchSpace, device: str) -> ColumnRecord | None:
        if device not in list_predictors(space, self.data):
            return None
        predictor = load_predictor(device, space, self.data)
        source = "analytic" if predictor.source == "analytic" else "predicted"
        values = cell_table(space, predictor.model)
        errors = dict(predictor.accuracy)
        return ColumnRecord("cells", source, values, values_checksum(values), errors=errors)

    def _tabulated(self, space: SearchSpace, name: str, file: str) -> ColumnRecord:
        table = open_table(self.data / file)
        values = table.lookup(space.canonical(every(space)), [name], space)[name]
        missing = int(np.isnan(values).sum())
        if missing:
            raise ConfigurationError(f"{file}: lacks {name!r} of {missing} of {space.name}")
        source = table.provenance(name, space)["source"]
        return ColumnRecord("rows", source, values, values_checksum(values), file)

    def _surrogate(self, space: SearchSpace, file: str) -> ColumnRecord:
        whole = load_space(whole_space(space.name))
        surrogate = load_surrogate(self.data / file, whole)
        source, errors = surrogate.source, surrogate.errors
        if not is_small(space):
            sum_ = checksum(self.data / file)
            return ColumnRecord("surrogate", source, np.empty(0), sum_, file, errors)
        genotypes = space.translate(space.canonical(every(space)), whole)
        values, _ = surrogate.predict(genotypes)
        return ColumnRecord("rows", source, values, values_checksum(values), file, errors)


def cell_table(space: SearchSpace, model: Model) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Returns (n_cells,) milliseconds of a predictor, or of the sum that it corrects."""
    if isinstance(model, TranslatedModel):
        inner, parent = additive(model.model), model.parent
        of_layer = {layer: inner.table[index] for index, layer in parent.cell_layers() if layer}
        return np.array([of_layer[layer] if layer else 0.0 for _, layer in space.cell_layers()])
    return additive(model).table
