"""How far a prediction may be off: from networks that the predictor was not fitted to."""

import math
from pathlib import Path

import numpy as np

from evonas.errors import DataError, SchemaError
from evonas.latency.campaigns.workflow import unseen_networks

# The share of networks whose measured time the interval is to hold.
COVERAGE = 0.9


def interval_factor(device: str, space: str, data_dir: Path | str | None = None) -> float | None:
    """Returns the factor by which measured and predicted time differ at most in `COVERAGE` cases.

    So a network of a predicted time t takes t / factor to t * factor: split conformal prediction
    on the logarithm of the time, which holds for networks like those held out.

    Returns:
        The factor, or None where no measured network was held out.
    """
    try:
        predictor, test = unseen_networks(device, space, data_dir)
    except (DataError, SchemaError):  # fitted to all, or nothing measured in this space
        return None
    off = np.sort(np.abs(np.log(test.latency_ms / predictor.predict(test.genotypes))))
    rank = min(math.ceil(COVERAGE * (len(off) + 1)), len(off))
    return math.exp(off[rank - 1])
