from pathlib import Path

import numpy as np
import pytest

from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table import create_table


class CostScorer:
    """AP as a saturating function of MAdds and parameters."""

    columns = ("map", "map50")

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.provenance = {"source": "test", "weights": "a"}
        self.calls = 0

    def __call__(self, genotypes: Genotypes) -> dict[str, np.ndarray]:
        self.calls += len(genotypes)
        costs = self.space.costs(genotypes)
        ap = np.tanh(costs["madds"] / 5e7) * np.tanh(costs["params"] / 2e5)
        return {"map": ap, "map50": np.sqrt(ap)}


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of all of `pico`."""
    path = tmp_path_factory.mktemp("filled") / "pico"
    pico = load_space("pico")
    grid = np.stack(np.meshgrid(*map(np.arange, pico.gene_sizes), indexing="ij"), axis=-1)
    genotypes = np.unique(pico.canonical(grid.reshape(-1, pico.n_genes)), axis=0)
    scorer = CostScorer(pico)
    create_table(path).append(pico, genotypes, scorer(genotypes), provenance=scorer.provenance)
    return path
