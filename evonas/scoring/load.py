"""The scorers by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evonas.errors import ConfigurationError, DataError, unknown_name
from evonas.paths import benchmark_data_dir
from evonas.scoring.scorer import Floats, Scorer
from evonas.space import Genotypes, SearchSpace


@dataclass(frozen=True, slots=True)
class ScorerOptions:
    """What a scorer is made of; each kind of scorer reads what it needs.

    Attributes:
        space: The space of the genotypes.
        columns: Columns that the search needs of the scorer.
        weights: Supernet weights; None for those shipped for the space.
        data: Folder of the COCO-format data set.
    """

    space: SearchSpace
    columns: Sequence[str]
    weights: Path | None = None
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class StoredOnly:
    """Scores nothing: whatever the table lacks is an error."""

    space: SearchSpace
    columns: tuple[str, ...]
    provenance: dict[str, str]

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Raises DataError, for what a table lacks."""
        raise DataError(
            f"the table lacks {' or '.join(self.columns)} of {len(genotypes)} architectures, "
            f"{self.space.arch_ids(genotypes[:1])[0]} for one; the scorer 'table' needs a table "
            "of the whole space, other scorers fill it as they go"
        )


def load_scorer(name: str, options: ScorerOptions) -> Scorer:
    """Returns the scorer of that name.

    Raises:
        ConfigurationError: No scorer has the name, or an option it needs is missing.
    """
    if name not in SCORERS:
        raise unknown_name("scorer", name, SCORERS)
    return SCORERS[name](options)


def _stored(options: ScorerOptions) -> Scorer:
    return StoredOnly(options.space, tuple(options.columns), {})


def _supernet(options: ScorerOptions) -> Scorer:
    name = options.space.name
    weights = options.weights or benchmark_data_dir() / "supernets" / f"{name}.safetensors"
    if not weights.exists():
        raise ConfigurationError(
            f"no supernet weights at {weights}; train them with: evonas supernet train "
            f"--space {name}, or name them with --weights"
        )
    if options.data is None:
        raise ConfigurationError(
            "the supernet scorer needs validation images: name a COCO-format folder with --data, "
            "for example one made with: evonas data make digits --out data/digits"
        )
    from evonas.scoring.supernet import SupernetScorer

    return SupernetScorer(weights, options.data, options.space)


SCORERS: dict[str, Callable[[ScorerOptions], Scorer]] = {"supernet": _supernet, "table": _stored}
