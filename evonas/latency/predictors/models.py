"""The forms a predictor can have. Each predicts with numpy alone and is saved as plain arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.space import Genotypes, SearchSpace

Arrays = Mapping[str, NDArray[Any]]


class Model(Protocol):
    """Genotypes of its space -> milliseconds."""

    @property
    def kind(self) -> str:
        """Name of the form."""
        ...

    def predict(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) milliseconds for (n, n_genes)."""
        ...

    def by_layer(self, genotypes: Genotypes) -> Floats:
        """Returns (n, n_layers) milliseconds whose sums over the layers are the predictions."""
        ...

    def unsure(self, genotypes: Genotypes) -> NDArray[np.bool_]:
        """Marks (n,) networks whose times it knows less well than the others'."""
        ...

    def arrays(self) -> Arrays:
        """Returns what is to be saved."""
        ...


@dataclass(frozen=True, eq=False)
class LinearModel:
    """The paper's: one number per (layer, input width, output width, op), summed.

    The kind says how the numbers were found: by the `linear` fit, or by `boosted` trees.
    """

    space: SearchSpace
    table: Floats
    kind: str = "linear"

    def predict(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) milliseconds: one gather and one sum."""
        return self.space.sum_cells(genotypes, self.table)

    def by_layer(self, genotypes: Genotypes) -> Floats:
        """Returns (n, n_layers) milliseconds."""
        return self.table[self.space.cells(genotypes)]

    def unsure(self, genotypes: Genotypes) -> NDArray[np.bool_]:
        """Marks none: all are sums of the same table."""
        return np.zeros(len(genotypes), bool)

    def arrays(self) -> Arrays:
        """Returns the table."""
        return {"table": self.table.astype(np.float32)}


@dataclass(frozen=True, eq=False)
class TranslatedModel:
    """A model of a larger space, for one of its sub-spaces."""

    space: SearchSpace
    parent: SearchSpace
    model: Model

    @property
    def kind(self) -> str:
        """The parent's."""
        return self.model.kind

    def predict(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) milliseconds."""
        return self.model.predict(self.space.translate(genotypes, self.parent))

    def by_layer(self, genotypes: Genotypes) -> Floats:
        """Returns (n, n_layers) milliseconds, layers being the parent's."""
        return self.model.by_layer(self.space.translate(genotypes, self.parent))

    def unsure(self, genotypes: Genotypes) -> NDArray[np.bool_]:
        """Marks (n,) what the parent's model marks."""
        return self.model.unsure(self.space.translate(genotypes, self.parent))

    def arrays(self) -> Arrays:
        """It is made when it is loaded, never saved."""
        raise NotImplementedError


def additive(model: Model) -> LinearModel:
    """Returns the sum over layers that a model is, or that it corrects."""
    if isinstance(model, LinearModel):
        return model
    base = getattr(model, "base", None)
    assert isinstance(base, LinearModel), "a predictor without a table"
    return base
