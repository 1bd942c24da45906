"""Checks of a table by what made its values: predictors of latency, a supernet.

Each is a check for `evonas.table.verify_table`.
"""

import numpy as np

from evonas.errors import EvonasError
from evonas.scoring.analytic import PredictedColumn, is_predicted
from evonas.scoring.scorer import Scorer
from evonas.space import SearchSpace
from evonas.table import BenchmarkTable

# Sums of a few dozen numbers in another order.
_RELATIVE = 1e-9
# What the arithmetic of another machine or torch may change; the same one gives the same bits.
_AP = 1e-3


def check_predictions(table: BenchmarkTable, space: SearchSpace) -> list[str]:
    """Predicts all latencies again; columns with a label are of other predictors, not checked."""
    problems = []
    for column in table.columns(space):
        if is_predicted(column) and "@" not in column:
            problems += _check_device(table, space, column)
    return problems


def _check_device(table: BenchmarkTable, space: SearchSpace, column: str) -> list[str]:
    try:
        predictor = PredictedColumn(space, column)
    except EvonasError as error:
        return [f"{column!r} cannot be predicted again: {error}"]
    recorded = table.provenance(column, space).get("predictor", predictor.checksum)
    if recorded != predictor.checksum:
        return [
            f"{column!r} was predicted by {recorded}, the predictor here is {predictor.checksum}"
        ]
    values, genotypes = table.column(column, space), table.genotypes(space)
    rows = np.flatnonzero(~np.isnan(values))
    wrong = rows[~np.isclose(values[rows], predictor(genotypes[rows]), _RELATIVE, 0)]
    if not len(wrong):
        return []
    return [f"{len(wrong)} values of {column!r} are not what is predicted, row {wrong[0]} first"]


class ScoreCheck:
    """Scores a random sample of the scored rows again.

    Args:
        scorer: Must be what made the table's scores.
        sample: Number of rows.
        seed: Of the sample.
    """

    def __init__(self, scorer: Scorer, sample: int, seed: int = 0) -> None:
        self.scorer = scorer
        self.sample = sample
        self.seed = seed

    def __call__(self, table: BenchmarkTable, space: SearchSpace) -> list[str]:
        """Returns which columns are of another origin or have other values."""
        names = [name for name in self.scorer.columns if name in table.columns(space)]
        for name in names:
            recorded, ours = table.provenance(name, space), self.scorer.provenance
            # Another torch may give other bits, within what is allowed below.
            keys = {*recorded, *ours} - {"torch"}
            other = sorted(key for key in keys if recorded.get(key) != ours.get(key))
            if other:
                key = other[0]
                return [f"{name!r} has {key} {recorded.get(key)!r}, the scorer {ours.get(key)!r}"]
        if not names:
            return []
        scored = np.stack([table.column(name, space) for name in names], axis=1)
        rows = np.flatnonzero(~np.isnan(scored).all(axis=1))
        rng = np.random.default_rng(self.seed)
        rows = np.sort(rng.choice(rows, min(self.sample, len(rows)), replace=False))
        again = self.scorer(table.genotypes(space)[rows])
        problems = []
        for column, name in enumerate(names):
            known = np.flatnonzero(~np.isnan(scored[rows, column]))
            away = abs(again[name][known] - scored[rows[known], column])
            wrong = ~(away <= _AP)  # also where it is no number now
            if wrong.any():
                row, most = rows[known[wrong.argmax()]], away.max()
                problems.append(
                    f"{wrong.sum()} of {len(known)} values of {name!r} scored again differ, "
                    f"by up to {most:.4f}, row {row} first"
                )
        return problems
