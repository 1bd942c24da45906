"""The search as a vectorised pymoo problem, and the space's operators in pymoo's classes.

Here values change sign: pymoo minimises.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pymoo.core.crossover import Crossover
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling

from evonas.arrays import Floats
from evonas.scoring.scorer import row_keys
from evonas.search.operators import cross, mutate
from evonas.search.spec import SearchSpec
from evonas.space import Genotypes, SearchSpace

# Rounds of drawing or mutating until all genotypes are new; past them a sample stays short (a
# small space is exhausted) or takes what violates the constraints least.
_ROUNDS = 20
_NEAR = 4


class Evaluator(Protocol):
    """What a search asks of whoever evaluates: a run on a scorer, or a trial on a problem."""

    spec: SearchSpec

    @property
    def seen(self) -> set[bytes]:
        """Keys of all genotypes that were evaluated."""
        ...

    def __call__(self, genotypes: Genotypes) -> tuple[Floats, Floats]:
        """Returns objectives (n, m) in their own directions and violations (n, n_constraints)."""
        ...

    def cheap_violation(self, genotypes: Genotypes) -> Floats:
        """Returns (n,) the violation of what is known without an evaluation."""
        ...

    def reference(self) -> Floats:
        """Returns (m,) values for what was not scored."""
        ...


class SpecProblem(Problem):  # type: ignore[misc]  # pymoo is untyped
    """A search spec as pymoo reads it: a variable for each gene, a violation for each constraint.

    Attributes:
        spec: What is searched for.
        space: The genotypes' space.
        signs: (m,) -1 where an objective is maximised, else 1.
    """

    def __init__(self, spec: SearchSpec) -> None:
        super().__init__(
            n_var=spec.space.n_genes,
            n_obj=len(spec.objectives),
            n_ieq_constr=len(spec.constraints),
            xl=0,
            xu=spec.space.gene_sizes - 1,
            vtype=int,
        )
        self.spec = spec
        self.space: SearchSpace = spec.space
        self.signs = np.array([-1.0 if o.maximise else 1.0 for o in spec.objectives])


class SearchProblem(SpecProblem):
    """Genotype matrices in, minimised objectives and violations out."""

    def __init__(self, evaluation: Evaluator) -> None:
        super().__init__(evaluation.spec)
        self.evaluation = evaluation
        self._unscored = evaluation.reference() * self.signs

    def _evaluate(self, x: Genotypes, out: dict[str, Any], *_: Any, **__: Any) -> None:
        values, violated = self.evaluation(self.space.canonical(x))
        # pymoo never compares the objectives of infeasible rows, but wants numbers.
        out["F"] = np.where(np.isnan(values), self._unscored, values * self.signs)
        if self.n_ieq_constr:
            out["G"] = violated


class SpaceSampling(Sampling):  # type: ignore[misc]
    """Random genotypes that were not evaluated yet, feasible ones first."""

    def _do(
        self,
        problem: SearchProblem,
        n_samples: int,
        *_: Any,
        random_state: np.random.Generator,
        **__: Any,
    ) -> Genotypes:
        return sample_unseen(problem.evaluation, n_samples, random_state)


class SpaceCrossover(Crossover):  # type: ignore[misc]
    """`operators.cross` for pymoo."""

    def __init__(self) -> None:
        super().__init__(n_parents=2, n_offsprings=2)

    def _do(
        self,
        problem: SearchProblem,
        x: Genotypes,
        *_: Any,
        random_state: np.random.Generator,
        **__: Any,
    ) -> Genotypes:
        return np.stack(cross(problem.space, x[0], x[1], random_state))


class SpaceMutation(Mutation):  # type: ignore[misc]
    """`operators.mutate` for pymoo; what was evaluated before is mutated on, within bounds."""

    def _do(
        self,
        problem: SearchProblem,
        x: Genotypes,
        *_: Any,
        random_state: np.random.Generator,
        **__: Any,
    ) -> Genotypes:
        mutants = mutate(problem.space, x, random_state)
        for attempt in range(_ROUNDS):
            known = repeats(mutants, problem.evaluation.seen)
            if not known.any():
                break
            # Near the parents first; where everything is known, ever further from them.
            start = x if attempt < _NEAR else mutants
            mutants[known] = mutate(problem.space, start[known], random_state)
        return mutants


def repeats(genotypes: Genotypes, known: set[bytes]) -> NDArray[np.bool_]:
    """Marks the rows that are known or equal to a row before, (n,)."""
    first: set[bytes] = set()
    marks = []
    for key in row_keys(genotypes):
        marks.append(key in known or key in first)
        first.add(key)
    return np.array(marks, bool)


def sample_unseen(evaluation: Evaluator, n: int, rng: np.random.Generator) -> Genotypes:
    """Draws up to n distinct genotypes that were not evaluated yet, (<= n, n_genes).

    Where constraints leave little, the least violating ones of all draws fill up.
    """
    space = evaluation.spec.space
    drawn = np.empty((0, space.n_genes), np.uint8)
    violation = np.empty(0)
    for _ in range(_ROUNDS):
        fresh = space.sample(n, rng)
        fresh = fresh[~repeats(fresh, evaluation.seen.union(row_keys(drawn)))]
        drawn = np.concatenate([drawn, fresh])
        violation = np.concatenate([violation, evaluation.cheap_violation(fresh)])
        if (violation == 0).sum() >= n:
            break
    return drawn[np.argsort(violation, kind="stable")[:n]]
