"""Surrogate-assisted NSGA-II: a model fitted during the run proposes what is worth a score."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.scoring.scorer import row_keys
from evonas.search.algorithms.batches import BatchAlgorithm
from evonas.search.algorithms.fronts import best_rows, feasible_front, improving
from evonas.search.algorithms.gaussian import ArchitectureModel
from evonas.search.algorithms.threads import one_blas_thread
from evonas.search.constraints import total_violation
from evonas.search.operators import cross, mutate
from evonas.search.problem import SearchProblem, repeats, sample_unseen
from evonas.space import Genotypes, SearchSpace

# An expected violation up to this is taken for none.
_SLACK = 0.01
# Generations on the model before each batch, and their size.
_GENERATIONS, _SIZE = 12, 100
# The first batch and the later ones, as shares of the population.
_FIRST, _SHARE = 0.4, 0.2
# The model sees at most so many networks: the front and the latest.
_KNOWN = 600
# Its shape is chosen again when it knows so many times as many.
_GROWTH = 1.3


class Model(Protocol):
    """What is fitted during a run."""

    def predict(self, genotypes: Genotypes) -> Floats:
        """Returns what is expected of genotypes (k, n_genes), (k, m)."""
        ...

    def hoped(self, genotypes: Genotypes) -> Floats:
        """Returns the same, better where it is worth a look, (k, m)."""
        ...


class ShapedModel(Model, Protocol):
    """A model whose costly choices can be taken over from a fit before."""

    shape: Floats


class AssistedSearch(BatchAlgorithm):
    """After some random networks, small batches that the model expects to enlarge the front most.

    Candidates come from an NSGA-II on the model that begins at the front of what is known.

    Attributes:
        kind: Makes a model of space, genotypes, values and the shape of a fit before.
    """

    kind: Callable[[SearchSpace, Genotypes, Floats, Floats | None], ShapedModel] = ArchitectureModel

    def __init__(self, problem: SearchProblem, population: int) -> None:
        super().__init__(problem, population)
        self._shape: Floats | None = None
        self._chosen_at = 0

    def first(self) -> Genotypes:
        """See `BatchAlgorithm`."""
        count = max(2, round(_FIRST * self.population))
        return sample_unseen(self.searched.evaluation, count, self.random_state)

    def propose(self) -> Genotypes:
        """See `BatchAlgorithm`."""
        front = feasible_front(self.values, self.violation)
        with one_blas_thread():
            model = self._fit(front)
            # Where values are seen with noise, the best of them are so by luck.
            believed = model.predict(self.genotypes)[:, : self.values.shape[1]]
            front = feasible_front(believed, self.violation)
            candidates, expected = self._search(model, self.genotypes[front])
        if not len(candidates):
            return self.first()
        # The front as it is expected to become: its ends count from the first step on.
        hoped = np.concatenate([believed[front], expected])
        hoped = hoped[feasible_front(hoped, np.zeros(len(hoped)))]
        low, high = hoped.min(axis=0), hoped.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        known = (believed[front] - low) / span
        count = max(1, round(_SHARE * self.population))
        return candidates[improving((expected - low) / span, known, count)]

    def _fit(self, front: NDArray[np.intp]) -> Model:
        """Returns a model of the objectives and of the constraints, each by itself."""
        n = len(self.genotypes)
        rows = np.union1d(front[:_KNOWN], np.arange(max(0, n - _KNOWN + len(front)), n))
        scored = self.searched.evaluation.cheap_violation(self.genotypes[rows]) == 0
        rows = rows[scored] if scored.any() else rows  # the others only have a worst value
        return self._model(rows, np.column_stack([self.values[rows], self.violated[rows]]))

    def _model(self, rows: NDArray[np.intp], values: Floats) -> Model:
        """Returns a model of values (k, n_columns) that were found for some rows, (k,)."""
        if len(rows) > _GROWTH * self._chosen_at:
            self._shape, self._chosen_at = None, len(rows)
        model = self.kind(self.space, self.genotypes[rows], values, self._shape)
        self._shape = model.shape
        return model

    def _expected(self, model: Model, genotypes: Genotypes) -> Floats:
        """Returns (n, m) hoped for values, worse where a violation is expected."""
        mean = model.hoped(genotypes)
        m = self.values.shape[1]
        known = self.searched.evaluation.cheap_violation(genotypes)
        violation = np.maximum(total_violation(mean[:, m:]), known)[:, None]
        worse = np.where(violation > _SLACK, 10 * violation, 0) * np.ptp(self.values, axis=0)
        expected: Floats = mean[:, :m] + worse
        return expected

    def _search(self, model: Model, front: Genotypes) -> tuple[Genotypes, Floats]:
        """Returns new networks, and what is expected of them, after generations on the model."""
        pool, expected = np.empty((0, self.space.n_genes), np.uint8), np.empty((0, 0))
        for generation in range(_GENERATIONS):
            parents = np.concatenate([front, pool])
            mothers, fathers = self.random_state.integers(len(parents), size=(2, _SIZE // 2))
            pairs = cross(self.space, parents[mothers], parents[fathers], self.random_state)
            children = mutate(self.space, np.concatenate(pairs), self.random_state)
            known = self.searched.evaluation.seen.union(row_keys(pool))
            children = children[~repeats(children, known)]
            predicted = self._expected(model, children)
            pool = np.concatenate([pool, children])
            expected = np.concatenate([expected, predicted]) if generation else predicted
            kept = best_rows(expected, _SIZE)
            pool, expected = pool[kept], expected[kept]
        return pool, expected
