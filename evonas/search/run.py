"""One search from spec to front."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import ConfigurationError
from evonas.objectives import Objective, pareto_mask
from evonas.scoring.scorer import (
    CachedScorer,
    Scorer,
    ScoreStore,
    StoredOnly,
    check_scorer,
    open_store,
)
from evonas.search.evaluation import Archive, Evaluation
from evonas.search.hypervolume import normalised_hypervolume
from evonas.search.spec import SearchSpec, make_spec
from evonas.space import SearchSpace


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        generation: Generations completed.
        generations: Generations in all.
        evaluated: Genotypes evaluated, infeasible ones included.
        completed: Genotypes of which `hypervolume` is: evaluated when a generation was last done.
        hypervolume: Of their front, normalised; see `evonas.search.hypervolume`.
        scored: Scores computed.
        cached: Scores found in the table.
        seconds: Time since the start.
        seconds_left: Estimate, as if everything still to come had to be scored.
    """

    generation: int
    generations: int
    evaluated: int
    completed: int
    hypervolume: float
    scored: int
    cached: int
    seconds: float
    seconds_left: float


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """What a run found.

    Attributes:
        space: The space.
        objectives: What was searched for.
        reference: (n_objectives,) reference point of the hypervolume.
        archive: All that the run evaluated, in order.
        front: Rows of the archive on its front, from the first objective's best to its worst.
        history: Per generation its progress.
        measured: Further columns of the front, (n_front,) each; see `finalists.remeasure`.
    """

    space: SearchSpace
    objectives: tuple[Objective, ...]
    reference: Floats
    archive: Archive
    front: NDArray[np.intp]
    history: tuple[Progress, ...]
    measured: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def hypervolume(self) -> float:
        """Normalised hypervolume of the front; see `evonas.search.hypervolume`."""
        return self.history[-1].hypervolume

    @property
    def scored(self) -> int:
        """Scores computed."""
        return self.history[-1].scored

    @property
    def cached(self) -> int:
        """Scores found in the table."""
        return self.history[-1].cached

    @property
    def seconds(self) -> float:
        """Time the run took."""
        return self.history[-1].seconds

    def values(self) -> Floats:
        """Returns the objectives' values of the archive, (n, n_objectives)."""
        return np.stack([self.archive.columns[o.name] for o in self.objectives], axis=1)

    def rows(self) -> list[dict[str, str | float]]:
        """Returns the front, best first in the first objective: `arch_id` and the columns."""
        arch_ids = self.space.arch_ids(self.archive.genotypes[self.front])
        columns = {name: column[self.front] for name, column in self.archive.columns.items()}
        columns |= self.measured
        return [
            {"arch_id": arch_id, **{name: float(column[i]) for name, column in columns.items()}}
            for i, arch_id in enumerate(arch_ids)
        ]


def run_search(
    space: SearchSpace | str,
    objectives: Iterable[str],
    *,
    scorer: Scorer | None = None,
    table: ScoreStore | Path | str | None = None,
    where: Iterable[str] | str = (),
    algorithm: str | Callable[..., Any] = SearchSpec.algorithm,
    population: int = SearchSpec.population,
    generations: int = SearchSpec.generations,
    seed: int = SearchSpec.seed,
    callback: Callable[[Progress], None] = lambda progress: None,
) -> SearchResult:
    """Searches a space: `run_spec` for a spec that is written out here.

    Args:
        space: The space or its name.
        objectives: Column names.
        scorer: Gives the columns that do not follow from a genotype at once (`map`); None if no
            objective or constraint needs one, or if the table holds them for the whole space.
        table: Where scores are looked up first and kept, a table or its path; None for this run's
            memory only.
        where: Constraints or a single one, for example `latency:ethos-u55-256 <= 5`.
        algorithm: A name of `evonas.search.algorithms.ALGORITHMS`, or a class of one's own.
        population: Genotypes evaluated per generation.
        generations: Number of generations, the first one random.
        seed: Seed of all random choices.
        callback: Told the progress after each generation and each batch of scores.

    Raises:
        ConfigurationError: A name or number that is not allowed.
        SchemaError: The table's scores are of another scorer, or of another definition of the
            space.
    """
    spec = make_spec(space, objectives, where, algorithm, population, generations, seed)
    return run_spec(spec, scorer=scorer, table=table, callback=callback)


def run_spec(
    spec: SearchSpec,
    *,
    scorer: Scorer | None = None,
    table: ScoreStore | Path | str | None = None,
    callback: Callable[[Progress], None] = lambda progress: None,
    on_generation: Callable[[SearchResult], None] = lambda result: None,
) -> SearchResult:
    """Searches for what a spec says; the same spec and scores give the same result.

    A run that was stopped is resumed by running it again with the same table: what was scored
    before is found there.

    Args:
        spec: What is searched for, and how.
        scorer: As for `run_search`.
        table: Where scores are looked up first and kept, a table or its path; None for this run's
            memory only.
        callback: Told the progress after each generation and each batch of scores.
        on_generation: Handed what was found so far after each generation.

    Raises:
        ConfigurationError: An unknown algorithm, or nothing that gives a column of the spec.
        SchemaError: The table's scores are of another scorer, or of another definition of the
            space.
    """
    evaluation = Evaluation(spec, _cached(spec, scorer, table))
    run = _Run(evaluation, callback)
    history: list[Progress] = []
    for progress in run.progress():
        history.append(progress)
        on_generation(run.result(history))
    return run.result(history)


def _cached(
    spec: SearchSpec, scorer: Scorer | None, table: ScoreStore | Path | str | None
) -> CachedScorer | None:
    if not spec.scored:
        return None
    if scorer is None:
        if table is None:
            raise ConfigurationError(
                f"{', '.join(spec.scored)}: needs a scorer, or a table that holds it"
            )
        scorer = StoredOnly(spec.space, spec.scored)
    check_scorer(scorer)
    store = open_store(table, read_only=isinstance(scorer, StoredOnly))
    # Asked before anything is looked up: scores of another origin are no scores of this search.
    none = np.empty(0)
    columns = {} if isinstance(scorer, StoredOnly) else dict.fromkeys(scorer.columns, none)
    nothing = np.empty((0, spec.space.n_genes), np.uint8)
    store.append(spec.space, nothing, columns, provenance=scorer.provenance)
    return CachedScorer(spec.space, scorer, store)


class _Run:
    """The loop over generations, with the running front and the clock."""

    def __init__(
        self,
        evaluation: Evaluation,
        callback: Callable[[Progress], None],
    ) -> None:
        self.evaluation = evaluation
        self.spec = evaluation.spec
        self.callback = callback
        self.reference = evaluation.reference()
        self.front = np.empty(0, np.intp)
        self.seen = 0
        self.generation = 0
        self.hypervolume = 0.0
        self.started = time.perf_counter()
        if evaluation.scorer:
            evaluation.scorer.on_batch = lambda: self.callback(self.now())

    @property
    def _budget(self) -> int:
        return self.spec.population * self.spec.generations

    def progress(self) -> Iterator[Progress]:
        """Runs the algorithm and yields the progress after each generation."""
        from evonas.search.algorithms import make_algorithm
        from evonas.search.problem import SearchProblem

        problem = SearchProblem(self.evaluation)
        algorithm = make_algorithm(self.spec.algorithm, problem, self.spec.population)
        # Not a number of generations: some ask for less than a population at once.
        algorithm.setup(problem, termination=("n_eval", self._budget), seed=self.spec.seed)
        while algorithm.has_next():
            algorithm.next()
            if self.seen == len(self.evaluation.archive.feasible):
                break  # no new genotype was found: the space is exhausted
            self._update_front()
            self.generation = -(-self.seen // self.spec.population)
            progress = self.now()
            self.callback(progress)
            yield progress

    def result(self, history: Sequence[Progress]) -> SearchResult:
        """Returns what was found so far."""
        spec, archive = self.spec, self.evaluation.archive
        order = np.argsort(self.evaluation.values(archive.columns)[self.front, 0], kind="stable")
        if spec.objectives[0].maximise:
            order = order[::-1]
        front = self.front[order]
        reached = tuple(history)
        return SearchResult(spec.space, spec.objectives, self.reference, archive, front, reached)

    def _update_front(self) -> None:
        archive, objectives = self.evaluation.archive, self.spec.objectives
        fresh = self.seen + np.flatnonzero(archive.feasible[self.seen :])
        self.seen = len(archive.feasible)
        candidates = np.concatenate([self.front, fresh])
        columns = {name: column[candidates] for name, column in archive.columns.items()}
        values = self.evaluation.values(columns)
        on_front = pareto_mask(values, objectives)
        self.front = candidates[on_front]
        self.hypervolume = normalised_hypervolume(values[on_front], objectives, self.reference)

    def now(self) -> Progress:
        """Returns the progress at this moment."""
        scorer = self.evaluation.scorer
        seconds = time.perf_counter() - self.started
        scored, cached = (scorer.scored, scorer.cached) if scorer else (0, 0)
        evaluated = max(len(self.evaluation.archive.feasible), scored + cached)
        left = self._budget - evaluated
        pace = scorer.seconds / scored if scorer and scored else seconds / max(evaluated, 1)
        return Progress(
            self.generation,
            self.spec.generations,
            evaluated,
            self.seen,
            self.hypervolume,
            scored,
            cached,
            seconds,
            max(left, 0) * pace,
        )
