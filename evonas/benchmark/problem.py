"""A benchmark problem as a vectorised pymoo `Problem`, and as a plain function on genotypes."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.arrays import Floats
from evonas.benchmark.columns import (
    Column,
    Predicted,
    Tabulated,
    cell_sum,
    cost_column,
    every,
    is_small,
    stored,
)
from evonas.benchmark.definition import ProblemDefinition
from evonas.benchmark.indicators import REFERENCE, volume
from evonas.benchmark.noise import noisy
from evonas.benchmark.store import ColumnRecord, ProblemRecord
from evonas.errors import ConfigurationError, SchemaError
from evonas.limits import check_whole
from evonas.search.constraints import violations
from evonas.search.problem import SpecProblem
from evonas.search.spec import SearchSpec
from evonas.space import Genotypes, SearchSpace

_ROUNDING = 1e-9  # of normalised values


class ProblemValues:
    """The columns of a problem, computed or looked up: canonical genotypes to (n, n_columns)."""

    def __init__(self, definition: ProblemDefinition, columns: Mapping[str, Column]) -> None:
        self.definition = definition
        self.space = definition.spec().space
        self._columns = [columns[name] for name in definition.columns]

    def __call__(self, genotypes: Genotypes) -> Floats:
        """Returns (n, n_columns), in the order of the definition's columns."""
        return self._tabulated(genotypes) if is_small(self.space) else self._computed(genotypes)

    def _computed(self, genotypes: Genotypes) -> Floats:
        return np.stack([column(genotypes) for column in self._columns], axis=1)

    @cached_property
    def _tabulated(self) -> Tabulated:
        values = self._computed(self.space.canonical(every(self.space)))
        values.flags.writeable = False
        return Tabulated(self.space, values)


Loader = Callable[[str, int], "BenchmarkProblem"]


class BenchmarkProblem(SpecProblem):
    """One problem; see `load_problem`.

    Values are in the objectives' own directions everywhere but in what pymoo reads (`F` and
    `pareto_front()`), which is minimised.

    Attributes:
        definition: What it is.
        record: What is known of its solution.
        space: The genotypes' space.
        objectives: m objectives, with unit and direction.
        seed: Seed of the noise.
    """

    def __init__(
        self,
        definition: ProblemDefinition,
        values: Column,
        record: ProblemRecord,
        seed: int = 0,
        load: Loader | None = None,
        spec: SearchSpec | None = None,
        deviations: Mapping[str, Column] | None = None,
    ) -> None:
        check_whole("seed", seed)
        super().__init__(spec or definition.spec())
        self.definition, self.record, self.seed = definition, record, seed
        self.objectives = self.spec.objectives
        self._values, self._deviations = values, deviations or {}
        self._load = load

    # --- evaluation -----------------------------------------------------------------------

    def evaluate_genotypes(self, genotypes: ArrayLike) -> Floats:
        """Returns (n, m) true values of genotypes (n, n_genes).

        Raises:
            GenotypeError: No genotypes of the space.
        """
        return self._values(self.space.canonical(genotypes))[:, : self.n_obj]

    def observe(self, genotypes: ArrayLike) -> tuple[Floats, Floats]:
        """Returns (n, m) what a search sees, noise included, and (n, n_constraints) violations.

        A violation of 0 or less meets its constraint. Without noise the values are the true ones.

        Raises:
            GenotypeError: No genotypes of the space.
        """
        canonical = self.space.canonical(genotypes)
        values = self._values(canonical)
        for noise in self.definition.noise:
            column = self.definition.columns.index(noise.column)
            deviation = (
                self._deviations[noise.column](canonical)
                if noise.deviation == "surrogate"
                else noise.deviation
            )
            seen = noisy(values[:, column], noise, deviation, canonical, self.seed)
            values[:, column] = seen
        return values[:, : self.n_obj], self._violations(values)

    def uncertainty(self, genotypes: ArrayLike) -> Floats:
        """Returns (n, m) standard deviations of single trainings around the true values.

        Where a surrogate predicts an objective they are the surrogate's own, seeds included; where
        none does they are 0, and `evonas problem show` tells what is known of its errors.

        Raises:
            GenotypeError: No genotypes of the space.
        """
        canonical = self.space.canonical(genotypes)
        found = np.zeros((len(canonical), self.n_obj))
        for column, objective in enumerate(self.objectives):
            if objective.name in self._deviations:
                found[:, column] = self._deviations[objective.name](canonical)
        return found

    def is_feasible(self, genotypes: ArrayLike) -> NDArray[np.bool_]:
        """Returns (n,) whether the true values meet the constraints."""
        violated = self._violations(self._values(self.space.canonical(genotypes)))
        return np.asarray((violated <= 0).all(axis=1))

    def _violations(self, values: Floats) -> Floats:
        columns = dict(zip(self.definition.columns, values.T, strict=True))
        return violations(self.spec.constraints, columns, len(values))

    def _evaluate(self, x: NDArray[Any], out: dict[str, Any], *_: Any, **__: Any) -> None:
        # pymoo's default operators vary fractions; a gene is the nearest whole number.
        values, violated = self.observe(np.rint(x))
        out["F"] = self.minimise(values)
        if self.n_ieq_constr:
            out["G"] = violated

    # --- what is known ----------------------------------------------------------------------

    @property
    def ideal(self) -> Floats:
        """(m,) the best of the front in each objective."""
        return self.record.ideal

    @property
    def nadir(self) -> Floats:
        """(m,) the worst of the front in each objective."""
        return self.record.nadir

    @property
    def reference_point(self) -> Floats:
        """(m,) a tenth beyond the nadir; read-only, as all that is known."""
        return _read_only(self.ideal + REFERENCE * (self.nadir - self.ideal))

    @property
    def true_front(self) -> Floats:
        """(k, m) the front, by the first objective: true if `record.exact`, else best known.

        Of a front of more than some thousand points, points that stand for it.
        """
        return self.record.front

    def minimise(self, values: ArrayLike) -> Floats:
        """Returns values (n, m) with the sign turned where an objective is maximised.

        Raises:
            ConfigurationError: Values of another shape.
        """
        signed: Floats = self._points(values) * self.signs
        return signed

    def normalise(self, values: ArrayLike) -> Floats:
        """Returns (n, m) minimised, with the ideal at 0 and the nadir at 1.

        Raises:
            ConfigurationError: Values of another shape.
        """
        normalised: Floats = (self._points(values) - self.ideal) / (self.nadir - self.ideal)
        return normalised

    def _points(self, values: ArrayLike, row: bool = True) -> Floats:
        """Returns values (n, m), or (m,) where a single row may be."""
        try:
            points = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            points = np.empty(0)
        if points.ndim not in (1 if row else 2, 2) or points.shape[-1] != self.n_obj:
            raise ConfigurationError(
                f"{self.definition.name}: values of shape {np.shape(points)}; (n, {self.n_obj}) is "
                "expected"
            )
        return points

    @cached_property
    def front_volume(self) -> float:
        """Hypervolume of the whole front, normalised."""
        # Where the whole front is there it is asked: two of the first problems state a volume that
        # was sampled.
        whole = len(self.true_front) == self.record.size
        return volume(self.normalise(self.true_front)) if whole else self.record.volume

    def hypervolume(self, values: ArrayLike, feasible: ArrayLike | None = None) -> float:
        """Returns the volume of true values over that of the front: 1 for the whole front.

        Of normalised values, up to a tenth beyond the nadir. It may pass 1 where only the best
        known front is there. `judge` does the same for genotypes, and asks for nothing else.

        Args:
            values: (n, m), as `evaluate_genotypes` gives them; what `observe` shows of a noisy
                problem are no true values.
            feasible: (n,) which rows count; needed where there are constraints.

        Raises:
            ConfigurationError: Values of another shape, not finite, or better than a true front
                can be; or nothing says which of them are feasible.
        """
        points = self._checked(values, feasible)
        return volume(self.normalise(points)) / self.front_volume

    def judge(self, genotypes: ArrayLike) -> float:
        """Returns the hypervolume of networks (n, n_genes): of true values, of feasible ones.

        Raises:
            GenotypeError: No genotypes of the space.
        """
        return self.hypervolume(self.evaluate_genotypes(genotypes), self.is_feasible(genotypes))

    def _checked(self, values: ArrayLike, feasible: ArrayLike | None) -> Floats:
        """Returns the rows that count."""
        name = self.definition.name
        points = self._points(values, row=False)
        if not np.isfinite(points).all():
            row = int(np.argmin(np.isfinite(points).all(axis=1)))
            raise ConfigurationError(f"{name}: row {row} of the values is not finite")
        if feasible is None and self.definition.where:
            raise ConfigurationError(
                f"{name} has constraints: say with `feasible` which values meet them "
                "(is_feasible), or use judge(genotypes)"
            )
        if feasible is not None:
            counted = np.asarray(feasible)
            if counted.shape != (len(points),) or counted.dtype != np.bool_:
                raise ConfigurationError(
                    f"{name}: feasible must be {len(points)} truth values, one per row"
                )
            points = points[counted]
        self._refuse_impossible(points)
        return points

    def _refuse_impossible(self, points: Floats) -> None:
        """Refuses what dominates a true front: observed with noise, infeasible or made up."""
        if not self.record.exact or len(self.true_front) < self.record.size:
            return
        ours, front = self.normalise(points), self.normalise(self.true_front)
        for row, point in enumerate(ours):
            if not (front <= point + _ROUNDING).all(axis=1).any():
                raise ConfigurationError(
                    f"{self.definition.name}: row {row} is better than the true front: it is "
                    "infeasible or was seen with noise; true values of feasible networks are "
                    "expected (judge takes genotypes)"
                )

    def pareto_front(self, *arguments: Any, **options: Any) -> Floats:
        """Returns (k, m) the front, minimised, for pymoo, which keeps it; read-only."""
        return _read_only(super().pareto_front(*arguments, **options))

    def _calc_pareto_front(self, *_: Any, **__: Any) -> Floats:
        return self.minimise(self.true_front)

    def __reduce__(self) -> tuple[Any, ...]:
        assert self._load, f"{self.definition.name} was not loaded by its name"
        return self._load, (self.definition.name, self.seed)


def _read_only(values: Floats) -> Floats:
    values.flags.writeable = False
    return values


def make_columns(
    definition: ProblemDefinition, records: Mapping[str, ColumnRecord], data: Path
) -> dict[str, Column]:
    """Returns the columns of a problem, from the space or from records."""
    space = definition.spec().space
    made = {}
    for name in definition.columns:
        column = cost_column(space, name)
        made[name] = column or _recorded(space, records[name], data)
    return made


def _recorded(space: SearchSpace, record: ColumnRecord, data: Path) -> Column:
    if record.kind == "cells":
        return cell_sum(space, record.values)
    if record.kind == "rows":
        return stored(space, record.values)
    from evonas.scoring.surrogate import load_surrogate
    from evonas.scoring.surrogate.model import checksum

    path = data / record.file
    surrogate = load_surrogate(path, space)
    if checksum(path) != record.checksum:
        raise SchemaError(f"{path}: not the surrogate that the problems were built with")
    return Predicted(surrogate)
