"""What a search knows of genotypes: their columns, whether they are feasible, and the archive."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import ConfigurationError
from evonas.scoring.analytic import AnalyticColumns, is_analytic
from evonas.scoring.scorer import CachedScorer, StoredOnly, row_keys
from evonas.search.constraints import Constraint, total_violation, violations
from evonas.search.hypervolume import worst_corner
from evonas.search.spec import SearchSpec
from evonas.space import Genotypes

Columns = dict[str, Floats]


@dataclass(slots=True)
class Archive:
    """All that a run evaluated, in order; unbounded."""

    genotypes: Genotypes
    columns: Columns
    feasible: NDArray[np.bool_]
    seen: set[bytes] = field(default_factory=set)

    def add(self, genotypes: Genotypes, columns: Columns, feasible: NDArray[np.bool_]) -> None:
        """Appends rows; `columns` as in the archive, each (n,)."""
        self.genotypes = np.concatenate([self.genotypes, genotypes])
        self.feasible = np.concatenate([self.feasible, feasible])
        self.columns = {
            name: np.concatenate([known, columns[name]]) for name, known in self.columns.items()
        }
        self.seen.update(row_keys(genotypes))


class Evaluation:
    """Evaluates genotypes for one spec and archives them.

    The expensive scorer is asked last and only for genotypes which the constraints on analytic
    columns leave feasible.
    """

    def __init__(self, spec: SearchSpec, scorer: CachedScorer | None) -> None:
        """Takes a scorer if the spec needs one.

        Raises:
            ConfigurationError: The scorer does not give a column that the spec needs.
        """
        self.spec = spec
        self.scorer = scorer
        self._scored = scorer.columns if scorer else ()
        for name in spec.scored:
            if name not in self._scored:
                raise ConfigurationError(
                    f"the scorer does not give {name!r}; it gives: {', '.join(self._scored)}"
                )
        analytic = [name for name in spec.columns if is_analytic(name)]
        self._analytic = AnalyticColumns(spec.space, analytic)
        self._keeps = scorer is not None and not isinstance(scorer.scorer, StoredOnly)
        self._cheap = [c for c in spec.constraints if _is_cheap(c)]
        self._dear = np.array([not _is_cheap(c) for c in spec.constraints], bool)
        names = dict.fromkeys([*spec.columns, *self._scored])
        self.archive = Archive(
            np.empty((0, spec.space.n_genes), np.uint8),
            {name: np.empty(0) for name in names},
            np.empty(0, bool),
        )

    def __call__(self, genotypes: Genotypes) -> tuple[Floats, Floats]:
        """Evaluates canonical genotypes (n, n_genes) and archives each of them once.

        Returns:
            Objectives (n, n_objectives), NaN where nothing was scored because a constraint is
            violated, and violations (n, n_constraints), 0 or less where a constraint holds and
            0 where what it bounds was not scored.
        """
        place: dict[bytes, int] = {}
        rows = [place.setdefault(key, len(place)) for key in row_keys(genotypes)]
        if len(place) < len(rows):
            firsts = [rows.index(number) for number in range(len(place))]
            values, violated = self._evaluate(genotypes[firsts])
            return values[rows], violated[rows]
        return self._evaluate(genotypes)

    def _evaluate(self, genotypes: Genotypes) -> tuple[Floats, Floats]:
        columns = self._analytic(genotypes)
        affordable = total_violation(violations(self._cheap, columns, len(genotypes))) == 0
        columns |= {name: np.full(len(genotypes), np.nan) for name in self._scored}
        if self.scorer and affordable.any():
            self._score(genotypes, columns, affordable)
        constraints = self.spec.constraints
        known = {name: np.nan_to_num(columns[name]) for c in constraints for name in c.columns}
        violated = violations(constraints, known, len(genotypes))
        violated[np.ix_(~affordable, self._dear)] = 0
        self.archive.add(genotypes, columns, total_violation(violated) == 0)
        return self.values(columns), violated

    @property
    def seen(self) -> set[bytes]:
        """Keys of all genotypes that were evaluated."""
        return self.archive.seen

    def _score(self, genotypes: Genotypes, columns: Columns, feasible: NDArray[np.bool_]) -> None:
        """Fills in the scores of the feasible rows, and tells the store their analytic columns."""
        assert self.scorer
        rows = genotypes[feasible]
        for name, values in self.scorer(rows).items():
            columns[name][feasible] = values
        if self._keeps:
            analytic = {name: columns[name][feasible] for name in self._analytic.columns}
            self._analytic.keep(self.scorer.store, rows, analytic)

    def cheap_violation(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) the violation of the constraints that need no scorer."""
        columns = self._analytic(genotypes) if self._cheap else {}
        return total_violation(violations(self._cheap, columns, len(genotypes)))

    def values(self, columns: Columns) -> Floats:
        """Returns the objectives' values, (n, n_objectives)."""
        return np.stack([columns[o.name] for o in self.spec.objectives], axis=1)

    def reference(self) -> Floats:
        """Returns (n_objectives,) the worst corner, which depends on the spec only.

        Raises:
            ConfigurationError: For a cost that only stored networks have.
        """
        return worst_corner(self.spec.space, self.spec.objectives)


def _is_cheap(constraint: Constraint) -> bool:
    return all(is_analytic(name) for name in constraint.columns)
