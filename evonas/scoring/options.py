"""What a scorer is made of."""

from dataclasses import dataclass
from pathlib import Path

from evonas.space import SearchSpace


@dataclass(frozen=True, slots=True)
class ScorerOptions:
    """What a scorer is made of; each kind of scorer reads what it needs.

    Attributes:
        space: The space of the genotypes.
        weights: Supernet weights; None for those shipped for the space.
        data: Folder of the COCO-format data set.
        surrogate: A surrogate's file; None for the one shipped for the space.
        by_size: Whether a supernet gives AP by the size of objects too.
        ray: Address of the Ray cluster that scores; None for this process.
    """

    space: SearchSpace
    weights: Path | None = None
    data: Path | None = None
    surrogate: Path | None = None
    by_size: bool = False
    ray: str | None = None
