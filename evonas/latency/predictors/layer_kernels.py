"""How alike layers are: the kernels of the linear model's Gaussian process, loosest first."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.latency.predictors.features import LayerKinds
from evonas.space import Layer

Numbers = NDArray[np.intp]

# Distances in octaves of the widths and of the map's side at which likeness fades.
_FAR, _NEAR, _NEXT = 1.5, 1.0, 0.35
_SIDE_FAR, _SIDE_NEAR = 1.5, 0.7

N_KERNELS = 4


class Likeness:
    """Kernels between the layers of a space.

    Args:
        kinds: The layers.
    """

    def __init__(self, kinds: LayerKinds) -> None:
        self._layers = kinds.layers
        self._widths = np.log2([(layer.c_in, layer.c_out) for layer in self._layers])
        self._side = np.log2([layer.size_in for layer in self._layers])
        self._kind = self._codes(lambda layer: layer.op.kind)
        self._op = self._codes(lambda layer: layer.op.name)
        self._place = self._codes(lambda layer: (layer.op.name, layer.block, layer.index == 1))

    def kernels(self, rows: Numbers, columns: Numbers) -> Iterator[Floats]:
        """Yields `N_KERNELS` kernels between layers by number, each (n_rows, n_columns)."""
        apart = np.square(self._widths[rows][:, None] - self._widths[columns]).sum(axis=-1)
        sides = np.square(self._side[rows][:, None] - self._side[columns])

        def near(codes: Numbers, width: float, side: float) -> Floats:
            same = codes[rows][:, None] == codes[columns]
            fades: Floats = same * np.exp(-apart / (2 * width**2) - sides / (2 * side**2))
            return fades

        yield near(self._kind, _FAR, _SIDE_FAR)
        yield near(self._op, _NEAR, _SIDE_NEAR)
        yield near(self._place, _NEXT, _SIDE_NEAR)
        yield (rows[:, None] == columns).astype(np.float64)

    def _codes(self, trait: Callable[[Layer], object]) -> Numbers:
        numbers = np.unique([str(trait(layer)) for layer in self._layers], return_inverse=True)[1]
        return np.asarray(numbers, np.intp)
