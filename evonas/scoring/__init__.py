"""Genotypes to accuracy: what a scorer is, stored scores, analytic columns."""

from evonas.scoring.analytic import analytic_columns, is_analytic
from evonas.scoring.scorer import CachedScorer, MemoryStore, Scorer, ScoreStore

__all__ = [
    "CachedScorer",
    "MemoryStore",
    "ScoreStore",
    "Scorer",
    "analytic_columns",
    "is_analytic",
]
