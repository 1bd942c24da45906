"""A deterministic cheap stand-in for accuracy: a saturating sum over layers."""

import time

import numpy as np
from numpy.typing import NDArray

from evonas.space import Genotypes, SearchSpace


class AdditiveScorer:
    columns = ("map", "map50")

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.provenance = {"source": "additive test function"}
        self.calls: list[bytes] = []
        taste = np.random.default_rng(3).random(space.n_cells)
        size = space.tabulate(
            lambda layer: np.log(sum(c.madds(layer.size_in) for c in layer.convs()))
        )
        self.table = np.where(size > 0, 0.3 * taste + size / 30, 0)

    def __call__(self, genotypes: Genotypes) -> dict[str, NDArray[np.float64]]:
        self.calls += [row.tobytes() for row in genotypes]
        ap = 1 / (1 + np.exp(-(self.space.sum_cells(genotypes, self.table) - 3) / 2))
        return {"map": ap, "map50": np.sqrt(ap)}


class SlowAdditiveScorer(AdditiveScorer):
    """Takes its time, so that a search can be killed while it runs."""

    def __call__(self, genotypes: Genotypes) -> dict[str, NDArray[np.float64]]:
        time.sleep(0.02 * len(genotypes))
        return super().__call__(genotypes)
