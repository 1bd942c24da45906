"""Scoring on a Ray cluster: actors that keep the supernet loaded."""

import os
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.cluster import join_cluster
from evonas.errors import EvonasError
from evonas.scoring.options import ScorerOptions
from evonas.scoring.scorer import Scorer
from evonas.space import Genotypes

_CHUNKS_PER_WORKER = 4  # so that a slow or lost worker holds little up
_FAILURES = 3  # of one chunk, after which it is the chunk's fault and not the machines'
_PATIENCE_SECONDS = 300.0  # for the first worker to be ready, where none is


class ClusterError(EvonasError):
    """A cluster that cannot do the work: no worker comes up, or all die of the same work."""


class _Worker:
    """What runs in an actor: the scorer, loaded once."""

    def __init__(self, options: ScorerOptions) -> None:
        from evonas.scoring.supernet import SupernetScorer
        from evonas.training.memory import keep_freed_memory

        assert options.weights is not None
        assert options.data is not None
        keep_freed_memory()
        self.scorer = SupernetScorer(options.weights, options.data, options.space, options.by_size)

    def ready(self) -> int:
        """Returns the process when the scorer is loaded."""
        return os.getpid()

    def score(self, genotypes: Genotypes) -> dict[str, Floats]:
        return self.scorer(genotypes)


class ClusterScorer:
    """Scores genotypes on the workers of a Ray cluster; see `SupernetScorer`.

    Which worker scores what, and in which order results come, changes nothing. The work of a
    worker that is lost is done again by another one, and a new one takes its place as soon as
    the cluster has room for it.

    Args:
        options: Space, weights and data; the paths must be there on every machine.
        serial: The scorer whose scores these are.
        address: `auto` or HOST:PORT of a running cluster, or `local` for one on this machine.
        workers: How many; by default one for each of the cluster's CPUs.

    Raises:
        ConfigurationError: There is no such cluster.
        MissingPackageError: Ray is not installed.
    """

    def __init__(
        self, options: ScorerOptions, serial: Scorer, address: str, workers: int | None = None
    ) -> None:
        self._ray = join_cluster(address)
        self.columns = serial.columns
        self.provenance: Mapping[str, str] = serial.provenance
        self.workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._options = self._ray.put(options)
        self._actor = self._ray.remote(num_cpus=1)(_Worker)
        self._idle: list[Any] = []
        self._waiting: dict[Any, Any] = {}  # what `ready` will return -> actor
        for _ in range(self.workers):
            self._add_worker()

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Returns each column's scores, (n,), of canonical genotypes (n, n_genes).

        Raises:
            ClusterError: No worker comes up, or the same work has failed three times.
        """
        order = np.lexsort(genotypes.T[::-1])  # neighbours begin alike, and share what they compute
        pieces = min(len(order), self.workers * _CHUNKS_PER_WORKER)
        chunks: deque[tuple[NDArray[np.intp], int]] = deque(
            (rows, 0) for rows in np.array_split(order, max(pieces, 1)) if len(rows)
        )
        scores = {name: np.empty(len(genotypes)) for name in self.columns}
        running: dict[Any, tuple[Any, NDArray[np.intp], int]] = {}
        while chunks or running:
            while chunks and self._idle:
                actor, (rows, failures) = self._idle.pop(), chunks.popleft()
                running[actor.score.remote(genotypes[rows])] = actor, rows, failures
            for finished in self._wait(running):
                if finished in self._waiting:
                    self._welcome(finished)
                    continue
                actor, rows, failures = running.pop(finished)
                try:
                    found = self._ray.get(finished)
                except self._ray.exceptions.RayActorError as error:
                    if failures + 1 == _FAILURES:
                        raise ClusterError(f"{_FAILURES} workers died of one piece") from error
                    chunks.append((rows, failures + 1))
                    self._add_worker()
                    continue
                self._idle.append(actor)
                for name in self.columns:
                    scores[name][rows] = found[name]
        return scores

    def _wait(self, running: Mapping[Any, Any]) -> list[Any]:
        pending = [*running, *self._waiting]
        patience = None if running else _PATIENCE_SECONDS
        finished: list[Any] = self._ray.wait(pending, timeout=patience)[0]
        if not finished:
            raise ClusterError(
                f"no worker was ready within {_PATIENCE_SECONDS:.0f} s; is there a free CPU?"
            )
        return finished

    def _add_worker(self) -> None:
        actor = self._actor.remote(self._options)
        self._waiting[actor.ready.remote()] = actor

    def _welcome(self, finished: Any) -> None:
        """Lets a worker that has loaded its scorer take part."""
        actor = self._waiting.pop(finished)
        try:
            self._ray.get(finished)
        except self._ray.exceptions.RayActorError as error:
            if not self._idle and not self._waiting:
                raise ClusterError(f"a worker could not start: {error}") from error
            return
        self._idle.append(actor)
