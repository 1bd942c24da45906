"""Genotypes to columns: what a scorer is, stored scores, analytic columns."""

from evonas.scoring.analytic import AnalyticColumns, is_analytic
from evonas.scoring.load import load_scorer
from evonas.scoring.options import ScorerOptions
from evonas.scoring.scorer import CachedScorer, MemoryStore, Scorer, ScoreStore, StoredOnly

__all__ = [
    "AnalyticColumns",
    "CachedScorer",
    "MemoryStore",
    "ScoreStore",
    "Scorer",
    "ScorerOptions",
    "StoredOnly",
    "is_analytic",
    "load_scorer",
]
