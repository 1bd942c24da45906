"""How much each gene decides a column: permutation importance on a surrogate fitted to the rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import ConfigurationError, DataError, MissingPackageError
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table.table import BenchmarkTable

FEWEST = 60  # rows with a value
_FOLDS, _REPEATS = 4, 3
_MOST_FITTED, _MOST_PERMUTED = 20_000, 1_000  # rows in all, and per fold
# Gradient boosted trees over categories; 60 rounds reach R2 0.99 on AP and latencies of nano-v5.
_BOOSTING = {"max_iter": 60, "learning_rate": 0.3, "early_stopping": False}


@dataclass(frozen=True, slots=True)
class GeneImportance:
    """How much of a column's variance depends on a gene, alone or together with others.

    Attributes:
        gene: Its name, `b2.l1.op`.
        share: Of the variance, 0 to 1 (Sobol's total index); below 0 is nothing but noise.
        low: The 5th percentile over folds and permutations.
        high: The 95th percentile.
    """

    gene: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of every gene for a column, and how well its surrogate predicts.

    Attributes:
        column: The column.
        n: Number of rows with a value that were used.
        r2: Cross-validated, the mean over folds: what the surrogate explains of unseen rows.
        r2_low: Of the worst fold.
        r2_high: Of the best fold.
        genes: In the space's order.
    """

    column: str
    n: int
    r2: float
    r2_low: float
    r2_high: float
    genes: tuple[GeneImportance, ...]


def column_importance(
    table: BenchmarkTable,
    column: str,
    where: str | None = None,
    space: SearchSpace | str | None = None,
    seed: int = 0,
) -> Importance:
    """Returns the importance of every gene for a column of a table.

    Args:
        table: The table.
        column: The column.
        where: A condition on the rows.
        space: Space of the rows, if the table has several.
        seed: Of folds, permutations and, beyond 20,000 rows, the choice of rows.

    Raises:
        ConfigurationError: An unknown column or a bad condition.
        DataError: Too few rows have a value, or all have the same.
    """
    home = load_space(table.only_space(space))
    rows = table.where(where, home)
    values = table.column(column, home)[rows]
    return gene_importance(home, table.genotypes(home)[rows], values, column, seed)


def gene_importance(
    space: SearchSpace, genotypes: Genotypes, values: Floats, column: str, seed: int = 0
) -> Importance:
    """Returns the importance of every gene for values of networks.

    A surrogate (boosted trees) is fitted to three quarters of the rows, four times. On the rest a
    gene's choices are permuted, and half of what that adds to the squared error, as a share of the
    variance, is its importance. Where a permuted choice would not leave a canonical genotype, such
    as a third layer without a second one, the network stays as it is.

    Args:
        space: Space of the networks.
        genotypes: (n, n_genes) canonical.
        values: (n,), NaN where missing.
        column: What they are.
        seed: Of folds, permutations and, beyond 20,000 rows, the choice of rows.

    Raises:
        DataError: Fewer than 60 rows have a value, or all have the same.
        MissingPackageError: scikit-learn is not installed.
    """
    if seed < 0:
        raise ConfigurationError(f"seed {seed}: expected 0 or more")
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < FEWEST:
        raise DataError(
            f"{column}: {len(known)} rows have a value; at least {FEWEST} are required to tell "
            "genes apart"
        )
    if np.ptp(values[known]) == 0:
        raise DataError(f"{column}: all {len(known)} rows have the same value")
    rng = np.random.default_rng(seed)
    rows = rng.permutation(known)[:_MOST_FITTED]
    drawn, target = genotypes[rows], values[rows].astype(np.float64)
    folds = np.arange(len(rows)) % _FOLDS
    scores, shares = [], []
    for fold in range(_FOLDS):
        r2, found = _one_fold(space, drawn, target, folds == fold, rng)
        scores.append(r2)
        shares.append(found)
    every = np.concatenate(shares)  # (folds * repeats, n_genes)
    low, high = np.quantile(every, (0.05, 0.95), axis=0)
    genes = tuple(
        GeneImportance(slot.name, *map(float, figures))
        for slot, *figures in zip(space.genes, every.mean(axis=0), low, high, strict=True)
    )
    mean = float(np.mean(scores))
    return Importance(column, len(rows), mean, min(scores), max(scores), genes)


def _one_fold(
    space: SearchSpace,
    genotypes: Genotypes,
    values: Floats,
    held_out: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[float, Floats]:
    """Returns R2 on the rows held out, and (repeats, n_genes) shares of the variance."""
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError:
        raise MissingPackageError("scikit-learn", "app") from None
    model = HistGradientBoostingRegressor(
        **_BOOSTING, categorical_features=list(range(space.n_genes)), random_state=0
    )
    model.fit(genotypes[~held_out], values[~held_out])
    rest, truth = genotypes[held_out], values[held_out]
    r2 = float(model.score(rest, truth))
    rest, truth = rest[:_MOST_PERMUTED], truth[:_MOST_PERMUTED]
    error = np.square(model.predict(rest) - truth).mean()
    shares = np.empty((_REPEATS, space.n_genes))
    for repeat in range(_REPEATS):
        every = np.stack([_permuted(rest, gene, rng) for gene in range(space.n_genes)])
        permuted = every.reshape(-1, space.n_genes)
        bad = (space.canonical(permuted) != permuted).any(axis=1)
        permuted[bad] = np.tile(rest, (space.n_genes, 1))[bad]
        predicted = model.predict(permuted).reshape(space.n_genes, -1)
        added = np.square(predicted - truth).mean(axis=1) - error
        shares[repeat] = added / (2 * values.var())
    return r2, shares


def _permuted(genotypes: Genotypes, gene: int, rng: np.random.Generator) -> Genotypes:
    changed = genotypes.copy()
    changed[:, gene] = rng.permutation(changed[:, gene])
    return changed
