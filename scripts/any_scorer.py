"""A scorer by name, or by `module:Class` for one that is no part of evonas."""

from importlib import import_module
from pathlib import Path

from evonas.scoring import Scorer, is_analytic
from evonas.scoring.load import ScorerOptions, load_scorer
from evonas.search import make_question


def any_scorer(
    name: str, space: str, objectives: list[str], weights: Path | None, data: Path | None
) -> Scorer:
    """Returns the scorer for a search of that space for those objectives."""
    question = make_question(space, objectives, [])
    if ":" in name:
        module, _, attribute = name.partition(":")
        scorer: Scorer = getattr(import_module(module), attribute)(question.space)
        return scorer
    needed = [column for column in question.columns if not is_analytic(column)]
    return load_scorer(name, ScorerOptions(question.space, needed, weights, data))
