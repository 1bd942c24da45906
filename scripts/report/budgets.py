"""How far predictors can be trusted where searches end, by asking the compiler.

For each device, three searches (the most multiply-adds in the least predicted time) give networks.
Some of each front are compiled: how many are predicted within 5 % and 10 %? And of all networks
that the searches saw, the one with the most multiply-adds under a random budget is chosen, as a
user would choose it: how often is it over the budget when compiled, by prediction alone and with
the predictor's margin?

    python -m scripts.report.budgets --space mobiledet --device ethos-u65-512 --out runs/budgets
    python -m scripts.report.budgets --space nano --each 40

    python -m scripts.report.budgets --space mobiledet --shipped

`--shipped` asks no compiler: it chooses among the networks of the shipped measurements that no fit
saw, with margins of the half of them that it does not choose from, for measured devices too. What
was compiled stays in the folder; the same command resumes.
"""

from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import typer

from evonas.arrays import Floats
from evonas.latency import (
    LatencyPredictor,
    Measurements,
    accuracy,
    load_device,
    load_predictor,
    unseen_networks,
)
from evonas.latency.campaigns.campaign import run_campaign
from evonas.latency.predictors.fit import with_intervals
from evonas.latency.predictors.interval import COVERAGE
from evonas.latency.sources.load import open_source
from evonas.latency.store import MEASUREMENTS, ROLES
from evonas.search import run_search
from evonas.space import Genotypes, SearchSpace, load_space

DEVICES = ("ethos-u55-256", "ethos-u65-512", "ethos-u85-2048")
NAMES = ("device", "networks", "within 5 %", "within 10 %", "margin", "over", "over with margin")


def main(
    space: str = "mobiledet",
    device: Annotated[list[str] | None, typer.Option(help="Devices with a compiler.")] = None,
    each: Annotated[int, typer.Option(help="Networks to compile of each front.")] = 20,
    budgets: int = 200,
    generations: int = 40,
    population: int = 48,
    coverage: float = COVERAGE,
    workers: int = 1,
    shipped: Annotated[bool, typer.Option(help="Choose among networks measured already.")] = False,
    out: Path = Path("runs/budgets"),
) -> None:
    """Prints a line a device."""
    if shipped:
        print_shipped(space, device or [*DEVICES, "cpu-xnnpack"], budgets, coverage)
        return
    print("{:<17}{:>9}{:>12}{:>13}{:>8}{:>8}{:>18}".format(*NAMES))
    for name in device or DEVICES:
        predictor = load_predictor(name, space)
        seen, fronts = search(predictor, generations, population)
        asked = [front[spread(len(front), each)] for front in fronts]
        plain, careful = (choose(predictor, seen, budgets, c) for c in (None, coverage))
        wanted = np.unique(np.concatenate([*asked, plain[0], careful[0]]), axis=0)
        compiled = measure(name, predictor, wanted, out, workers)
        measured = {
            g.tobytes(): t for g, t in zip(compiled.genotypes, compiled.latency_ms, strict=True)
        }
        found = np.array([measured[g.tobytes()] for g in np.concatenate(asked)])
        known = np.isfinite(found)
        figures = accuracy(found[known], predictor.predict(np.concatenate(asked)[known]))
        over = [share_over(measured, *chosen) for chosen in (plain, careful)]
        print(
            f"{name:<17}{figures.n_test:>9}{figures.within_5:>12.1%}{figures.within_10:>13.1%}"
            f"{predictor.margin(coverage):>8.3f}{over[0]:>8.1%}{over[1]:>18.1%}",
            flush=True,
        )


def print_shipped(space: str, devices: list[str], budgets: int, coverage: float) -> None:
    """Prints how often a network chosen among the unseen ones is over its budget.

    Of a predictor that is unsure of some networks, the margin of the others stands first.
    """
    print("{:<17}{:>9}{:>14}{:>8}{:>18}".format(*(NAMES[i] for i in (0, 1, 4, 5, 6))))
    for name in devices:
        predictor, unseen = unseen_networks(name, space)
        over = np.mean(
            [halves(predictor, unseen, budgets, coverage, seed) for seed in range(20)], 0
        )
        told = with_intervals(predictor, unseen)
        margins = "/".join(f"{each.upper(coverage):.3f}" for each in told.intervals())
        print(f"{name:<17}{len(unseen):>9}{margins:>14}{over[0]:>8.1%}{over[1]:>18.1%}")


def halves(
    predictor: LatencyPredictor, unseen: Measurements, budgets: int, coverage: float, seed: int
) -> tuple[float, float]:
    """Returns the shares over budget without and with the margin of the other half."""
    rows = np.random.default_rng(seed).permutation(len(unseen))
    known, rest = (unseen.select(half) for half in np.array_split(rows, 2))
    careful = with_intervals(predictor, known)
    times = {g.tobytes(): t for g, t in zip(rest.genotypes, rest.latency_ms, strict=True)}
    plain = share_over(times, *choose(careful, rest.genotypes, budgets, None))
    return plain, share_over(times, *choose(careful, rest.genotypes, budgets, coverage))


class Capacity:
    """Scores networks by their multiply-adds: what a search is to get for its milliseconds."""

    columns = ("map",)
    provenance: ClassVar[dict[str, str]] = {"source": "analytic"}

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Returns the multiply-adds, (n,), in the column of an accuracy."""
        return {"map": self.space.costs(genotypes)["madds"]}


def search(
    predictor: LatencyPredictor, generations: int, population: int
) -> tuple[Genotypes, list[Genotypes]]:
    """Returns all networks that three searches saw, and their fronts."""
    column = f"latency:{predictor.device}"
    seen, fronts = [], []
    for seed in range(3):
        result = run_search(
            predictor.space.name,
            ["map", column],
            scorer=Capacity(predictor.space),
            population=population,
            generations=generations,
            seed=seed,
        )
        seen.append(result.archive.genotypes)
        fronts.append(result.archive.genotypes[result.front])
    return np.concatenate(seen), fronts


def spread(n: int, wanted: int) -> np.ndarray:
    """Returns up to so many of n rows, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, wanted)).astype(int))


def choose(
    predictor: LatencyPredictor, seen: Genotypes, budgets: int, coverage: float | None
) -> tuple[Genotypes, Floats]:
    """Returns the network with the most multiply-adds under each of some random budgets.

    Args:
        predictor: What tells the time.
        seen: (n, n_genes) networks to choose from.
        budgets: Number of budgets, evenly random over the logarithm of the predicted times.
        coverage: Of the margin; None for the prediction alone.

    Returns:
        Genotypes and budgets in ms, of as many as have a network under them.
    """
    predicted = predictor.predict(seen)
    told = predicted if coverage is None else predictor.upper(seen, coverage)
    madds = predictor.space.costs(seen)["madds"]
    low, high = np.log(np.quantile(predicted, [0.02, 0.98]))
    limits = np.exp(np.random.default_rng(0).uniform(low, high, budgets))
    limits = limits[limits >= told.min()]
    best = [np.where(told <= limit, madds, -1).argmax() for limit in limits]
    return seen[best], limits


def measure(
    device: str, predictor: LatencyPredictor, genotypes: Genotypes, out: Path, workers: int
) -> Measurements:
    """Compiles the networks that the folder's file does not hold yet."""
    target, space = load_device(device), load_space(predictor.space.name)
    path = out / space.name / f"{device}{MEASUREMENTS}"
    path.parent.mkdir(parents=True, exist_ok=True)
    roles = np.full(len(genotypes), ROLES.index("front"))
    source = open_source(target, space)
    return run_campaign(target, source, space, genotypes, roles, path, workers=workers)


def share_over(measured: dict[bytes, float], chosen: Genotypes, limits: Floats) -> float:
    """Returns how many of the chosen networks take longer than their budgets."""
    times = np.array([measured[genotype.tobytes()] for genotype in chosen])
    known = np.isfinite(times)
    return float((times[known] > limits[known]).mean())


if __name__ == "__main__":
    typer.run(main)
