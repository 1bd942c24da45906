"""How far a prediction may be off: from networks that the predictor was not fitted to."""

import math
from pathlib import Path

import numpy as np

from evonas.errors import DataError, SchemaError
from evonas.latency.campaigns.workflow import unseen_networks
from evonas.latency.predictors.models import TranslatedModel
from evonas.latency.predictors.predictor import load_predictor

# The share of networks whose measured time the interval is to hold.
COVERAGE = 0.9


def interval_factor(device: str, space: str, data_dir: Path | str | None = None) -> float | None:
    """Returns the factor by which measured and predicted time differ at most in `COVERAGE` cases.

    So a network of a predicted time t takes t / factor to t * factor: split conformal prediction
    on the logarithm of the time, which holds for networks like those held out.

    Returns:
        The factor, or None where too few measured networks were held out.
    """
    model = load_predictor(device, space, data_dir).model
    if isinstance(model, TranslatedModel):  # that of a larger space, where it was measured
        space = model.parent.name
    try:
        predictor, test = unseen_networks(device, space, data_dir)
    except (DataError, SchemaError):  # fitted to all, or nothing measured in this space
        return None
    off = np.sort(np.abs(np.log(test.latency_ms / predictor.predict(test.genotypes))))
    rank = math.ceil(COVERAGE * (len(off) + 1))
    return math.exp(off[rank - 1]) if rank <= len(off) else None
