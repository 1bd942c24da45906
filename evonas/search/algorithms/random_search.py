"""Random search."""

from evonas.search.algorithms.batches import BatchAlgorithm
from evonas.space import Genotypes


class RandomSearch(BatchAlgorithm):
    """Draws a population of new genotypes each generation."""

    def propose(self) -> Genotypes:
        """See `BatchAlgorithm`."""
        return self.first()
