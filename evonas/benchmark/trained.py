"""Problems over a table of trained networks: fidelities, several trainings, seconds."""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.arrays import Floats
from evonas.benchmark.curves import Curves, load_curves
from evonas.benchmark.definition import ProblemDefinition
from evonas.benchmark.indicators import volume
from evonas.benchmark.noise import uniform
from evonas.benchmark.problem import BenchmarkProblem, Loader
from evonas.benchmark.simulation import Simulation
from evonas.benchmark.store import ProblemRecord
from evonas.errors import ConfigurationError, SchemaError
from evonas.limits import check_whole
from evonas.objectives import pareto_mask
from evonas.paths import shipped_data
from evonas.search.spec import SearchSpec
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.space.costs import COSTS
from evonas.space.sampled import SampledSpace
from evonas.table.index import GenotypeIndex

TRAINED_MAP = "trained_map"
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class TrainedDefinition(ProblemDefinition):
    """A problem whose AP is that of trained networks.

    Attributes:
        tables: Tables in `benchmark_data`.
        of: Name of the space.
        checksum: Of the definition and of all numbers.
    """

    tables: tuple[str, ...] = ()
    of: str = ""
    checksum: str = ""

    @property
    def space(self) -> str:
        """Name of the space."""
        return self.of


_NANO = ("truth/nano-v6.h5", "truth/fronts-v4.h5")
_U55, _CPU = "measured:ethos-u55-256", "latency:cpu-xnnpack"

TRAINED = (
    TrainedDefinition(
        "nano-trained/u55",
        (TRAINED_MAP, _U55),
        "AP after training on digits; stages of training, seconds, and a micro-NPU's compiler.",
        tables=_NANO,
        of="nano",
        checksum="8c113e1026f63f6b",
    ),
    TrainedDefinition(
        "nano-trained/cpu",
        (TRAINED_MAP, _CPU),
        "AP after training on digits; stages of training, seconds, and a CPU.",
        tables=_NANO,
        of="nano",
        checksum="5a44bb17148778b2",
    ),
    TrainedDefinition(
        "nano-trained/two-devices",
        (TRAINED_MAP, _CPU, _U55),
        "Trained networks for two devices; stages of training, and seconds.",
        tables=_NANO,
        of="nano",
        checksum="a3fb2600e6c7f2e5",
    ),
)


class TrainedProblem(BenchmarkProblem):
    """A finite set of trained networks, with stages of training and their seconds.

    Where the table holds a sample of its space only, every genotype stands for the nearest network
    of the table (`SampledSpace`). A search sees one training of a network, drawn by the seed of the
    problem where there are several; it is judged by their mean.

    Attributes:
        networks: (n, n_genes) all of them, in order.
        steps: (k,) numbers of training steps at which a training may stop.
        trainings: (n,) how many trainings of each network can be drawn.
        whole_size: Number of networks of the whole space.
    """

    def __init__(
        self,
        definition: TrainedDefinition,
        curves: Curves,
        seed: int = 0,
        load: Loader | None = None,
    ) -> None:
        space = load_space(definition.of)
        self.whole_size: int = space.size
        whole = len(curves.genotypes) == space.size
        searched = space if whole else SampledSpace.of(space, curves.genotypes)
        self._curves = curves
        self._index = GenotypeIndex(curves.genotypes)
        self.networks: Genotypes = self._index.genotypes
        self.steps: NDArray[np.int64] = curves.steps
        drawable = ~np.isnan(curves.ap[:, :, -1])
        self.trainings: NDArray[np.int64] = drawable.sum(axis=1)
        self._nth = np.argsort(~drawable, axis=1, kind="stable")  # (n, n_seeds) drawable ones first
        spec = replace(definition.spec(), space=searched)
        self._fixed = {name: _cost(space, curves, name) for name in definition.objectives}
        true = self._columns(definition, curves.final)
        record = trained_record(definition, spec, curves, true)
        super().__init__(
            definition, lambda canonical: true[self._rows(canonical)], record, seed, load, spec
        )

    @property
    def fidelities(self) -> Floats:
        """(k,) shares of a whole training after which one may stop; the last is 1."""
        shares: Floats = self.steps / self.steps[-1]
        return shares

    def evaluate_genotypes(self, genotypes: ArrayLike, fidelity: float = 1.0) -> Floats:
        """Returns (n, m) true values: the mean over a network's trainings.

        Raises:
            GenotypeError: No genotypes of the space.
            ConfigurationError: No training stops at that share of its steps.
        """
        stage = self._stage(fidelity)
        if stage == len(self.steps) - 1:
            return super().evaluate_genotypes(genotypes)
        rows = self._rows(self.space.canonical(genotypes))
        return self._columns(self.definition, np.nanmean(self._curves.ap[:, :, stage], axis=1))[
            rows
        ]

    def observe(
        self, genotypes: ArrayLike, fidelity: float = 1.0, repetition: int = 0
    ) -> tuple[Floats, Floats]:
        """Returns (n, m) values of one training of each network, and (n, 0) violations.

        Args:
            genotypes: (n, n_genes).
            fidelity: Share of the steps that are done, one of `fidelities`.
            repetition: Which training of each network, from 0. The seed of the problem says which
                one comes first; where there are no more, they come again.

        Raises:
            GenotypeError: No genotypes of the space.
            ConfigurationError: No training stops at that share of its steps.
        """
        stage, canonical = self._stage(fidelity), self.space.canonical(genotypes)
        rows, drawn = self._drawn(canonical, repetition)
        values = self._columns(self.definition, self._curves.final)[rows]
        if TRAINED_MAP in self.definition.objectives:
            column = self.definition.objectives.index(TRAINED_MAP)
            values[:, column] = self._curves.ap[rows, drawn, stage]
        return values, np.zeros((len(rows), 0))

    def seconds(self, genotypes: ArrayLike, fidelity: float = 1.0, repetition: int = 0) -> Floats:
        """Returns (n,) processor seconds of these trainings from their beginning; see `observe`."""
        stage = self._stage(fidelity)
        rows, drawn = self._drawn(self.space.canonical(genotypes), repetition)
        took: Floats = self._curves.seconds[rows, drawn, stage]
        return took

    def untrained(self, genotypes: ArrayLike) -> Floats:
        """Returns (n, m) the values that need no training; NaN where they do."""
        values = self.evaluate_genotypes(genotypes)
        trained = [name == TRAINED_MAP for name in self.definition.objectives]
        values[:, trained] = np.nan
        return values

    @property
    def sources(self) -> dict[str, str]:
        """Where each objective's numbers come from."""
        return {
            name: self._curves.sources.get(name, "analytic") for name in self.definition.objectives
        }

    def simulate(self, workers: int = 1) -> Simulation:
        """Returns workers and a clock on which this problem's trainings run.

        Raises:
            ConfigurationError: Fewer than one worker.
        """
        return Simulation(self, workers)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._load is None:  # a table of one's own has no name to load it by
            return TrainedProblem, (self.definition, self._curves, self.seed)
        return super().__reduce__()

    def _stage(self, fidelity: float) -> int:
        share = fidelity if isinstance(fidelity, Real) else np.nan
        near = np.flatnonzero(abs(self.fidelities - share) < _CLOSE)
        if not len(near):
            allowed = ", ".join(f"{share:g}" for share in self.fidelities)
            raise ConfigurationError(
                f"{self.definition.name}: fidelity {fidelity!r}; trainings stop at {allowed} of "
                f"{self.steps[-1]:,} steps"
            )
        return int(near[0])

    def _rows(self, canonical: Genotypes) -> NDArray[np.int64]:
        rows = np.asarray(self._index.find(canonical), np.int64)
        assert (rows >= 0).all(), "a canonical genotype is a network of the table"
        return rows

    def _drawn(
        self, canonical: Genotypes, repetition: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns (n,) rows of networks and (n,) the trainings that are seen of them."""
        check_whole("repetition", repetition)
        rows = self._rows(canonical)
        count = self.trainings[rows]
        first = (uniform(canonical, f"training {self.seed}") * count).astype(np.int64)
        drawn: NDArray[np.int64] = self._nth[rows, (first + repetition) % count]
        return rows, drawn

    def _columns(self, definition: ProblemDefinition, ap: Floats) -> Floats:
        """Returns (n, m) values of all networks with this AP (n,)."""
        parts = [ap if name == TRAINED_MAP else self._fixed[name] for name in definition.objectives]
        return np.stack(parts, axis=1)


def _cost(space: SearchSpace, curves: Curves, name: str) -> Floats:
    if name == TRAINED_MAP:
        return curves.final
    return curves.other[name] if name in curves.other else space.costs(curves.genotypes)[name]


def trained_record(
    definition: TrainedDefinition, spec: SearchSpec, curves: Curves, true: Floats
) -> ProblemRecord:
    """Returns the exact solution among the networks, whose true values are (n, m)."""
    rows = np.flatnonzero(pareto_mask(true, spec.objectives))
    rows = rows[np.argsort(true[rows, 0], kind="stable")]
    front, signs = true[rows], np.array([-1.0 if o.maximise else 1.0 for o in spec.objectives])
    best, worst = (front * signs).min(axis=0) * signs, (front * signs).max(axis=0) * signs
    digest = hashlib.sha256(repr((definition.name, definition.objectives)).encode())
    for part in (curves.genotypes, curves.steps, curves.ap, curves.seconds, true):
        digest.update(np.ascontiguousarray(part).tobytes())
    return ProblemRecord(
        version=definition.version,
        exact=True,
        method=f"all {len(true):,} trained networks",
        size=len(rows),
        volume=volume((front - best) / (worst - best)),
        ideal=best,
        nadir=worst,
        front=front,
        genotypes=curves.genotypes[rows],
        checksum=digest.hexdigest()[:16],
    )


@lru_cache(maxsize=8)
def _curves(folder: Path, definition: TrainedDefinition) -> Curves:
    other = [name for name in definition.objectives if name not in (TRAINED_MAP, *COSTS)]
    return load_curves(
        [folder / table for table in definition.tables], load_space(definition.of), other
    )


def available(folder: Path | None = None) -> list[TrainedDefinition]:
    """Returns the problems whose tables are there."""
    data = folder or shipped_data()
    return [d for d in TRAINED if all((data / table).exists() for table in d.tables)]


def load_trained(
    definition: TrainedDefinition,
    seed: int = 0,
    folder: Path | None = None,
    load: Loader | None = None,
) -> TrainedProblem:
    """Returns a problem over shipped tables.

    Raises:
        SchemaError: The tables are not those that the problem was published with.
    """
    problem = TrainedProblem(definition, _curves(folder or shipped_data(), definition), seed, load)
    if definition.checksum and problem.record.checksum != definition.checksum:
        raise SchemaError(
            f"problem {definition.name!r}: checksum {problem.record.checksum}, published is "
            f"{definition.checksum}; its tables are not those that it was published with"
        )
    return problem


def trained_problem(
    table: Path | str,
    space: str,
    objectives: tuple[str, ...] = (TRAINED_MAP, "madds"),
    seed: int = 0,
) -> TrainedProblem:
    """Returns a problem over a trained table of your own; its front is that of the table.

    Args:
        table: With columns `trained_map#STEP`, and `trained_seconds` or `trained_seconds#STEP`.
        space: Name of its space.
        objectives: `trained_map`, costs, and columns of the table.
        seed: Of the trainings that are seen.

    Raises:
        DataError: No network has a whole learning curve.
        ConfigurationError: An unknown space or objective.
    """
    path = Path(table)
    definition = TrainedDefinition(
        f"{path.stem}/own", objectives, "A table of one's own.", tables=(str(path),), of=space
    )
    other = [name for name in objectives if name not in (TRAINED_MAP, *COSTS)]
    curves = load_curves([path], load_space(space), other)
    return TrainedProblem(definition, curves, seed)
