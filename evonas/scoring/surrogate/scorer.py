"""The surrogate as a scorer."""

from collections.abc import Mapping

from evonas.arrays import Floats
from evonas.scoring.scorer import Scorer
from evonas.scoring.surrogate.model import Surrogate
from evonas.space import Genotypes, SearchSpace


class SurrogateScorer:
    """Scores genotypes by the AP that a surrogate expects of full training.

    Args:
        surrogate: The fitted surrogate.
        checksum: Of its file.
        space: Space of the genotypes, the surrogate's or one contained in it.
        supernet: Scores the genotypes by the supernet; needed if the surrogate uses its scores.
    """

    columns = ("map", "map_std")

    def __init__(
        self,
        surrogate: Surrogate,
        checksum: str,
        space: SearchSpace,
        supernet: Scorer | None = None,
    ) -> None:
        self.surrogate = surrogate
        self.space = space
        self.supernet = supernet
        self.provenance: Mapping[str, str] = {
            "source": "surrogate",
            "surrogate": checksum,
            **({"supernet": supernet.provenance["weights"]} if supernet else {}),
            **({"data": supernet.provenance["data"]} if supernet else {}),
        }

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Returns AP and its standard deviation, (n,) each, of genotypes (n, n_genes)."""
        supernet = self.supernet(genotypes)["map"] if self.supernet else None
        whole = self.surrogate.space
        if self.space.name != whole.name:
            genotypes = self.space.translate(genotypes, whole)
        ap, std = self.surrogate.predict(genotypes, supernet)
        return {"map": ap, "map_std": std}
