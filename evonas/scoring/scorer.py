"""What a scorer is, and the scorer that asks a store first.

A scorer maps genotypes to the columns that are expensive to know (`map`, ...). What follows from
a genotype at once (costs, predicted latencies) is in `evonas.scoring.analytic`.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import ConfigurationError, DataError
from evonas.limits import printable
from evonas.objectives import name_list
from evonas.space import Genotypes, SearchSpace

# A kill loses what was scored since the last write, so a batch should take a few seconds; a write
# costs some milliseconds, so a fast scorer's batches should be large.
FIRST_BATCH = 4
SECONDS_PER_BATCH = 4.0


class Scorer(Protocol):
    """Maps genotypes to expensive columns; the same genotype always has the same scores."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it gives."""

    @property
    def provenance(self) -> Mapping[str, str]:
        """What the scores depend on: source, checksum of the weights, data fingerprint, ..."""

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Returns each column's scores, (n,), of canonical genotypes (n, n_genes)."""


class ScoreStore(Protocol):
    """Where scores are kept; `evonas.table.BenchmarkTable` is one."""

    def known(
        self, genotypes: Genotypes, columns: Sequence[str], space: SearchSpace
    ) -> dict[str, Floats]:
        """Returns each column's values, (n,), NaN where the store has none."""

    def append(
        self,
        space: SearchSpace,
        genotypes: Genotypes,
        columns: Mapping[str, Floats],
        *,
        provenance: Mapping[str, str],
    ) -> None:
        """Keeps values, each (n,); when it returns they survive a crash."""


@dataclass(slots=True)
class MemoryStore:
    """A store that lasts as long as the process."""

    _values: dict[tuple[str, str], dict[bytes, float]] = field(default_factory=dict)

    def known(
        self, genotypes: Genotypes, columns: Sequence[str], space: SearchSpace
    ) -> dict[str, Floats]:
        """See `ScoreStore.known`."""
        keys = row_keys(genotypes)
        found = {}
        for name in columns:
            known = self._values.get((space.name, name), {})
            found[name] = np.array([known.get(key, np.nan) for key in keys], np.float64)
        return found

    def append(
        self,
        space: SearchSpace,
        genotypes: Genotypes,
        columns: Mapping[str, Floats],
        *,
        provenance: Mapping[str, str],
    ) -> None:
        """See `ScoreStore.append`; the provenance is not kept."""
        keys = row_keys(genotypes)
        for name, values in columns.items():
            known = self._values.setdefault((space.name, name), {})
            known.update(zip(keys, values.tolist(), strict=True))


def check_scorer(scorer: Scorer) -> None:
    """Refuses what is no scorer.

    Raises:
        ConfigurationError: It lacks its columns, its provenance or the call.
    """
    callable_ = callable(scorer) and not isinstance(scorer, type)
    if not (callable_ and hasattr(scorer, "columns") and hasattr(scorer, "provenance")):
        raise ConfigurationError(
            f"scorer {printable(repr(scorer), 80)}: an object with `columns`, `provenance` and a "
            "call of genotypes is expected, see evonas.scoring.Scorer"
        )
    name_list(scorer.columns)
    if not isinstance(scorer.provenance, Mapping):
        raise ConfigurationError(
            f"the scorer's provenance {printable(repr(scorer.provenance), 80)}: a dict is expected"
        )


def open_store(table: ScoreStore | Path | str | None, read_only: bool = False) -> ScoreStore:
    """Returns the store that was given, the table that a path names, or memory for None.

    Raises:
        ConfigurationError: It is none of them, or a new table would hide a shipped one.
        SchemaError: The table is damaged, of a newer schema, or is only read and not there.
    """
    if table is None:
        return MemoryStore()
    if isinstance(table, str | Path):
        from evonas.table import open_or_create, open_table

        return open_table(table) if read_only else open_or_create(table)
    if not (hasattr(table, "known") and hasattr(table, "append")):
        raise ConfigurationError(
            f"table {printable(repr(table), 80)}: a table, its path or None is expected"
        )
    return table


def row_keys(genotypes: Genotypes) -> list[bytes]:
    """Returns a hashable key of each row."""
    return [row.tobytes() for row in genotypes]


@dataclass(frozen=True, slots=True)
class StoredOnly:
    """Scores nothing: whatever the store lacks is an error."""

    space: SearchSpace
    columns: tuple[str, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Raises DataError, for what the store lacks."""
        raise DataError(
            f"the table lacks {' or '.join(self.columns)} of "
            f"{self.space.arch_ids(genotypes[:1])[0]} and {len(genotypes) - 1} more; without a "
            "scorer a search needs a table of the whole space"
        )


@dataclass(slots=True)
class CachedScorer:
    """A scorer that scores only what its store lacks, and stores it batch by batch.

    Attributes:
        space: The genotypes' space.
        scorer: Gives the missing scores.
        store: Asked first and given every new score.
        on_batch: Called after each stored batch.
        scored: Genotypes scored so far.
        cached: Genotypes found in the store so far.
        seconds: Time spent in the scorer.
    """

    space: SearchSpace
    scorer: Scorer
    store: ScoreStore
    on_batch: Callable[[], None] = lambda: None
    scored: int = 0
    cached: int = 0
    seconds: float = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it gives."""
        return self.scorer.columns

    @property
    def provenance(self) -> Mapping[str, str]:
        """Provenance of the scorer behind."""
        return self.scorer.provenance

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Returns each column's scores, (n,), of distinct canonical genotypes (n, n_genes).

        Raises:
            DataError: The scorer gave something else, or what its column may not hold.
        """
        scores = self.store.known(genotypes, self.columns, self.space)
        unknown = np.isnan(np.stack([scores[name] for name in self.columns])).any(axis=0)
        missing = np.flatnonzero(unknown)
        self.cached += len(genotypes) - len(missing)
        for rows in self._batches(missing):
            started = time.perf_counter()
            given = self.scorer(genotypes[rows])
            self.seconds += time.perf_counter() - started
            fresh = self._checked(genotypes[rows], given)
            self.store.append(self.space, genotypes[rows], fresh, provenance=self.provenance)
            for name in self.columns:
                scores[name][rows] = fresh[name]
            self.scored += len(rows)
            self.on_batch()
        return scores

    def _batches(self, missing: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        while len(missing):
            size = FIRST_BATCH
            if self.scored:
                per_score = max(self.seconds / self.scored, 1e-9)
                size = max(1, int(min(SECONDS_PER_BATCH / per_score, len(missing))))
            yield missing[:size]
            missing = missing[size:]

    def _checked(self, genotypes: Genotypes, given: Any) -> dict[str, Floats]:
        """Returns the scores that a scorer gave, (n,) by column, by the rules of tables."""
        from evonas.table.domains import column_domain
        from evonas.table.doors import number_column

        if not isinstance(given, Mapping):
            raise DataError(
                f"the scorer gave {printable(repr(given), 80)}; a dict of "
                f"{', '.join(self.columns)} with one number per genotype is expected"
            )
        fresh = {}
        for name in self.columns:
            if name not in given:
                raise DataError(f"the scorer gave no {name!r}, which is one of its columns")
            fresh[name] = values = number_column(name, given[name])
            if len(values) != len(genotypes):
                raise DataError(
                    f"the scorer gave {len(values)} values of {name!r} for {len(genotypes)} "
                    "genotypes; one per genotype is expected"
                )
            domain = column_domain(name, self.provenance)
            bad = np.flatnonzero(~(np.isfinite(values) & domain.holds(values)))
            if len(bad):
                [arch_id] = self.space.arch_ids(genotypes[bad[:1]])
                value = values[bad[0]]
                if not np.isfinite(value):
                    raise DataError(f"the scorer gave no finite {name!r} for {arch_id}")
                raise DataError(
                    f"the scorer gave {name!r} {value:.17g} for {arch_id}; {domain.sentence}"
                )
        return fresh
