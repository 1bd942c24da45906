"""All that `evonas supernet rank` says about predictors of a truth, as plain data."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from evonas.arrays import Floats
from evonas.ranking.agreement import (
    agreement,
    noise_ceiling,
    tau_among_alike,
    tau_between_seeds,
    within,
)
from evonas.ranking.discrimination import discrimination, explained_by_gene
from evonas.ranking.truth import Truth, op_mixes

TERCILES = ("cheap", "middle", "costly")


def ranking_report(truth: Truth, predictions: Mapping[str, Floats]) -> dict[str, Any]:
    """Returns figures of each prediction and of the truth itself.

    Args:
        truth: The trained architectures.
        predictions: (n,) by name, higher foretelling a higher AP.

    Returns:
        `n`; `predictors` by name with every statistic, `terciles`, `op_mixes`, `alike` and
        `error_genes` (share of the variance of what a line through the prediction leaves);
        `noise_ceiling`; `seeds` (of the truth); `discrimination`; `genes` (share of variance
        explained).
        Intervals are `{value, low, high}`.
    """
    return {
        "n": len(truth),
        "ap_mean": float(truth.ap.mean()),
        "ap_min": float(truth.ap.min()),
        "ap_max": float(truth.ap.max()),
        "predictors": {name: _figures(truth, values) for name, values in predictions.items()},
        "noise_ceiling": asdict(noise_ceiling(truth)),
        "tau_between_seeds": tau_between_seeds(truth),
        "discrimination": asdict(discrimination(truth)),
        "genes": explained_by_gene(truth.space, truth.genotypes, truth.ap),
    }


def _figures(truth: Truth, values: Floats) -> dict[str, Any]:
    tau_alike, n_pairs = tau_among_alike(truth, values)
    names, mixes = np.unique(op_mixes(truth.space, truth.genotypes), return_inverse=True)
    terciles = within(truth.cost_terciles(), truth.ap, values)
    by_mix = within(mixes, truth.ap, values)
    error = truth.ap - np.polyval(np.polyfit(values, truth.ap, 1), values)
    return {
        "error_genes": explained_by_gene(truth.space, truth.genotypes, error),
        **{name: asdict(figure) for name, figure in agreement(truth.ap, values).items()},
        "terciles": {TERCILES[number]: asdict(tau) for number, tau in terciles.items()},
        "op_mixes": {str(names[number]): asdict(tau) for number, tau in by_mix.items()},
        "alike": {"tau": tau_alike, "pairs": n_pairs},
    }
