"""A scorer by name, or by `module:Class` for one that is no part of evonas."""

from importlib import import_module
from pathlib import Path

from evonas.scoring import Scorer, ScorerOptions, load_scorer
from evonas.space import load_space


def any_scorer(name: str, space: str, weights: Path | None, data: Path | None) -> Scorer | None:
    """Returns the scorer for genotypes of that space."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        scorer: Scorer = getattr(import_module(module), attribute)(load_space(space))
        return scorer
    return load_scorer(name, ScorerOptions(load_space(space), weights, data))
