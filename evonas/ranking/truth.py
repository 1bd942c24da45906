"""Architectures with the AP that full training gave them."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.space import Genotypes, Op, SearchSpace
from evonas.table import BenchmarkTable

_COLUMN = "trained_map"
_RUN = re.compile(rf"{_COLUMN}(:\d+)?")  # no point of a curve, nothing on other data
_KINDS = ("ibn", "fused", "tucker")
_MIXED = "mixed"


@dataclass(frozen=True, eq=False)
class Truth:
    """n trained architectures.

    Attributes:
        space: Their space.
        genotypes: (n, n_genes).
        runs: (n, n_seeds) AP of each training, NaN where there was none; at least one a row.
    """

    space: SearchSpace
    genotypes: Genotypes
    runs: Floats

    def __len__(self) -> int:
        return len(self.genotypes)

    @cached_property
    def ap(self) -> Floats:
        """(n,) mean AP over an architecture's trainings."""
        mean: Floats = np.nanmean(self.runs, axis=1)
        return mean

    @cached_property
    def n_runs(self) -> NDArray[np.int64]:
        """(n,) number of an architecture's trainings."""
        n_runs: NDArray[np.int64] = (~np.isnan(self.runs)).sum(axis=1)
        return n_runs

    @cached_property
    def seed_std(self) -> float:
        """Standard deviation between trainings of one architecture, pooled; NaN if none has two."""
        repeated = self.runs[self.n_runs > 1]
        freedom = (self.n_runs - 1).sum()
        if not freedom:
            return float("nan")
        residuals = repeated - np.nanmean(repeated, axis=1, keepdims=True)
        return float(np.sqrt(np.nansum(residuals**2) / freedom))

    @cached_property
    def costs(self) -> dict[str, Floats]:
        """`madds` and `params`, (n,) each."""
        return self.space.costs(self.genotypes)

    def cost_terciles(self) -> NDArray[np.int64]:
        """Returns (n,) 0, 1 or 2: the cheap, middle or costly third by multiply-adds."""
        rank = np.argsort(np.argsort(self.costs["madds"], kind="stable"), kind="stable")
        return 3 * rank // len(self)


def load_truth(table: BenchmarkTable, space: SearchSpace) -> Truth:
    """Reads `trained_map` and `trained_map:SEED` of a space's rows.

    Raises:
        ConfigurationError: The table has no rows of the space.
        DataError: No architecture is trained.
    """
    names = [name for name in table.columns(space) if _RUN.fullmatch(name)]
    if not names:
        raise DataError(f"{table.path}: no column {_COLUMN!r}; see scripts/build/truth.py")
    runs = np.stack([table.column(name, space) for name in sorted(names)], axis=1)
    trained = ~np.isnan(runs).all(axis=1)
    return Truth(space, table.genotypes(space)[trained], runs[trained])


def op_mixes(space: SearchSpace, genotypes: Genotypes) -> list[str]:
    """Returns each network's most frequent kind of op, or `mixed` where kinds tie.

    Layers without expansion (IBN0) count as `ibn`.
    """
    mixes = []
    for genotype in genotypes:
        ops = [op for block in space.decode(genotype).blocks for op in block.ops]
        counts = [sum(_kind(op) == kind for op in ops) for kind in _KINDS]
        best = [kind for kind, n in zip(_KINDS, counts, strict=True) if n == max(counts)]
        mixes.append(best[0] if len(best) == 1 else _MIXED)
    return mixes


def _kind(op: Op) -> str:
    return "ibn" if op.kind == "ibn0" else op.kind
