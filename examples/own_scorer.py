"""A search with a scorer of your own: two attributes and a call, nothing to register."""

import numpy as np

import evonas
from evonas.scoring import MemoryStore
from evonas.space import Genotypes

SPACE = evonas.load_space("nano")


class LargestChoices:
    """Scores a network by its share of genes above 0: a stand-in for a measurement of yours."""

    def __init__(self) -> None:
        self.columns = ("map",)  # what it gives
        self.provenance = {"source": "own", "formula": "share of genes above 0"}  # and by what

    def __call__(self, genotypes: Genotypes) -> dict[str, np.ndarray]:
        """Returns the scores, (n,), of genotypes (n, n_genes)."""
        return {"map": (genotypes > 0).mean(axis=1)}


result = evonas.run_search(
    SPACE,
    ["map", "latency:ethos-u55-256"],
    scorer=LargestChoices(),
    table=MemoryStore(),  # or the path of a table, to keep the scores
    generations=5,
)
best = result.rows()[0]
print(f"{best['arch_id']} scores {best['map']:.2f}, {best['map']:.0%} of the best possible")
