"""A surrogate of trained AP: fitted on few trained architectures, with its uncertainty."""

from evonas.scoring.surrogate.features import surrogate_features
from evonas.scoring.surrogate.fit import CrossValidation, cross_validate, fit_surrogate
from evonas.scoring.surrogate.model import Surrogate, load_surrogate, save_surrogate
from evonas.scoring.surrogate.scorer import SurrogateScorer

__all__ = [
    "CrossValidation",
    "Surrogate",
    "SurrogateScorer",
    "cross_validate",
    "fit_surrogate",
    "load_surrogate",
    "save_surrogate",
    "surrogate_features",
]
