"""How well scores rank architectures as full training does, and how far training itself can tell.

numpy and scipy only.
"""

from evonas.ranking.agreement import agreement, noise_ceiling, tau_among_alike
from evonas.ranking.discrimination import Discrimination, discrimination, explained_by_gene
from evonas.ranking.statistics import Interval, kendall_tau, regret, spearman, top_overlap
from evonas.ranking.truth import Truth, load_truth, op_mixes

__all__ = [
    "Discrimination",
    "Interval",
    "Truth",
    "agreement",
    "discrimination",
    "explained_by_gene",
    "kendall_tau",
    "load_truth",
    "noise_ceiling",
    "op_mixes",
    "regret",
    "spearman",
    "tau_among_alike",
    "top_overlap",
]
