"""What searches under a simulated clock have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evonas.arrays import Floats
from evonas.benchmark.simulation import Result
from evonas.benchmark.trained import TrainedProblem
from evonas.search.algorithms.fronts import best_rows
from evonas.search.operators import cross, mutate
from evonas.space import Genotypes

_ATTEMPTS = 50

Job = tuple[Genotypes, float]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One run.

    Attributes:
        algorithm: Name.
        workers: How many trained at once.
        seed: Of the search.
        results: All results, in the order in which they came.
    """

    algorithm: str
    workers: int
    seed: int
    results: list[Result]


class TimedSearch(ABC):
    """Says what a free worker does next, and is told of every result.

    Attributes:
        problem: What is searched.
        population: Networks that live at once.
        rng: Source of all random choices.
        results: By fidelity and network: what is known.
    """

    def __init__(self, problem: TrainedProblem, population: int, seed: int) -> None:
        self.problem = problem
        self.population = population
        self.rng = np.random.default_rng(seed)
        self.results: dict[float, dict[bytes, Result]] = {}
        self._begun: set[bytes] = set()
        self._order = self.rng.permutation(len(problem.networks))

    @abstractmethod
    def ask(self) -> Job | None:
        """Returns a genotype (n_genes,) and a fidelity; None to wait, or to end if all are idle."""

    def tell(self, result: Result) -> None:
        """Takes a result."""
        self.results.setdefault(result.fidelity, {})[result.genotype.tobytes()] = result

    def at(self, fidelity: float) -> list[Result]:
        """Returns what is known of a fidelity, in the order in which it came."""
        return list(self.results.get(fidelity, {}).values())

    def best(self, results: Sequence[Result], count: int) -> list[Result]:
        """Returns up to `count`, the best first: by rank of their front, then by crowding."""
        if not results:
            return []
        values = self.minimised(results)
        ranked = sorted_rows(values)[:count]
        return [results[row] for row in ranked]

    def minimised(self, results: Sequence[Result]) -> Floats:
        """Returns (n, m) values, minimised."""
        return self.problem.minimise(np.array([result.values for result in results]))

    def begin(self, genotype: Genotypes, fidelity: float) -> Job:
        """Returns the job, and remembers that the network has been begun."""
        self._begun.add(genotype.tobytes())
        return genotype, fidelity

    def is_new(self, genotype: Genotypes) -> bool:
        """Returns whether no training of a network (n_genes,) has been asked for."""
        return genotype.tobytes() not in self._begun

    def random(self) -> Genotypes | None:
        """Returns a network that has not been begun, by chance; None if there is none left."""
        for row in self._order:
            network: Genotypes = self.problem.networks[row]
            if self.is_new(network):
                return network
        return None

    def child(self, parents: Sequence[Result]) -> Genotypes | None:
        """Returns a network that has not been begun, of two of the parents (best first)."""
        if not parents:
            return self.random()
        space = self.problem.space
        for _ in range(_ATTEMPTS):
            # Binary tournaments: of two drawn the better, which stands before the other.
            mother, father = self.rng.integers(len(parents), size=(2, 2)).min(axis=1)
            pair = cross(
                space, parents[mother].genotype[None], parents[father].genotype[None], self.rng
            )
            children = mutate(space, pair[0], self.rng)
            if self.is_new(children[0]):
                return np.asarray(children[0], np.uint8)
        return self.random()


def sorted_rows(values: Floats) -> list[int]:
    """Returns all rows of minimised values (n, m), by rank of their front and by crowding in it."""
    # `best_rows` keeps the order of the rows where all are chosen, so one more is offered it.
    worst = values.max(axis=0, keepdims=True) + 1
    rows = best_rows(np.concatenate([values, worst]), len(values))
    return [int(row) for row in rows]
