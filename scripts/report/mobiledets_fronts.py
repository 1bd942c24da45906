"""Searches of nano's sub-spaces on every device, and what their fronts tell; see the report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import moocore
import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.benchmark import ProblemDefinition
from evonas.benchmark.indicators import volume
from evonas.benchmark.problem import ProblemValues
from evonas.benchmark.solving import unsolved
from evonas.benchmark.trial import run_trial
from evonas.latency import load_predictor
from evonas.objectives import pareto_mask
from evonas.scoring.surrogate import Surrogate, load_surrogate
from evonas.space import Genotypes, load_space

SPACES = {
    "ibn": "nano-ibn",
    "ibn+fused": "nano-ibn+fused",
    "tdb": "nano",
    "early": "nano-early",
    "late": "nano-late",
}
KINDS = ("ibn", "fused", "tucker")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The front of one search: genotypes of `nano`, AP and milliseconds, (k,) each."""

    subspace: str
    device: str
    seed: int
    genotypes: Genotypes
    ap: Floats
    latency_ms: Floats

    @property
    def points(self) -> Floats:
        """(k, 2) minimised: minus AP, milliseconds."""
        return np.column_stack([-self.ap, self.latency_ms])


def mean_surrogate_std(found: Found, surrogate: Path) -> float:
    """Returns the surrogate's mean standard deviation on a front."""
    return float(accuracy(surrogate).predict(found.genotypes)[1].mean())


@lru_cache(maxsize=2)
def accuracy(path: Path) -> Surrogate:
    """Returns the source of AP."""
    return load_surrogate(path, load_space("nano"))


def search(
    subspace: str, device: str, seed: int, evaluations: int, population: int, surrogate: Path
) -> Found:
    """Searches a sub-space by NSGA-II for AP and one device's latency."""
    space, whole = load_space(SPACES[subspace]), load_space("nano")
    model, predictor = accuracy(surrogate), load_predictor(device, "nano")
    latency = f"latency:{device}"
    definition = ProblemDefinition(f"{space.name}/{device}", ("map", latency), "")
    columns = {
        "map": lambda genotypes: model.predict(space.translate(genotypes, whole))[0],
        latency: lambda genotypes: predictor.predict(space.translate(genotypes, whole)),
    }
    problem = unsolved(definition, ProblemValues(definition, columns))
    trial = run_trial(problem, "nsga2", evaluations, seed, population)
    values = problem.evaluate_genotypes(trial.genotypes)
    front = np.flatnonzero(pareto_mask(values, problem.objectives))
    front = front[np.argsort(values[front, 1])]
    genotypes = space.translate(trial.genotypes[front], whole)
    return Found(subspace, device, seed, genotypes, values[front, 0], values[front, 1])


def scaled_volumes(founds: Sequence[Found]) -> Floats:
    """Returns (n,) hypervolumes as shares of that of the front of all together."""
    points = np.concatenate([found.points for found in founds])
    points = points[moocore.is_nondominated(points)]
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    whole = volume((points - low) / span)
    return np.array([volume((found.points - low) / span) / whole for found in founds])


def interval(values: Floats, resamples: int = 5000) -> tuple[float, float, float]:
    """Returns the mean of (n,) and its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(resamples, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def gain_at_equal_latency(ours: Found, theirs: Found, count: int = 50) -> float:
    """Returns the mean of our best AP less theirs over the latencies that both span, log-even."""
    low = max(ours.latency_ms[0], theirs.latency_ms[0])
    high = min(ours.latency_ms[-1], theirs.latency_ms[-1])
    at = np.geomspace(low, max(high, low), count)
    return float(np.mean(best_within(ours, at) - best_within(theirs, at)))


def best_within(found: Found, at: Floats) -> Floats:
    """Returns the best AP of a front within each latency."""
    rows = np.searchsorted(found.latency_ms, at * (1 + 1e-12), side="right") - 1
    best: Floats = found.ap[rows]
    return best


def kind_shares(genotypes: Iterable[NDArray[np.uint8]]) -> dict[str, Floats]:
    """Returns for each kind of op its share of the layers in each block, (n_blocks,)."""
    space = load_space("nano")
    counts = np.zeros((len(KINDS), len(space.blocks)))
    for genotype in genotypes:
        for number, block in enumerate(space.decode(genotype).blocks):
            for op in block.ops:
                counts[[op.kind.startswith(kind) for kind in KINDS].index(True), number] += 1
    return dict(zip(KINDS, counts / counts.sum(axis=0), strict=True))


def regular_share(genotypes: Genotypes, early: bool) -> float:
    """Returns the share of layers with a regular convolution in the first or second two blocks."""
    shares = kind_shares(genotypes)
    regular = shares["fused"] + shares["tucker"]
    half = len(regular) // 2
    return float((regular[:half] if early else regular[half:]).mean())


def transfer(founds: Sequence[Found], devices: Sequence[str]) -> Floats:
    """Returns (n_devices, n_devices, n_seeds): volume on the column's device over its own front's.

    Rows are the devices that the networks were found for; pairs are of the same seed.
    """
    seeds = sorted({found.seed for found in founds})
    by_key = {(found.device, found.seed): found for found in founds}
    shares = np.empty((len(devices), len(devices), len(seeds)))
    for column, target in enumerate(devices):
        predictor = load_predictor(target, "nano")
        moved = []
        for source in devices:
            for seed in seeds:
                f = by_key[source, seed]
                times = predictor.predict(f.genotypes)
                moved.append(Found("tdb", target, seed, f.genotypes, f.ap, times))
        volumes = scaled_volumes(moved).reshape(len(devices), len(seeds))
        shares[:, column] = volumes / volumes[column]
    return shares
