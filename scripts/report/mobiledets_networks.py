"""The networks of the report that are trained: which, how good, how fast."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evonas.arrays import Floats
from evonas.files import write_atomically
from evonas.latency import load_predictor
from evonas.ranking.truth import Truth, load_truth
from evonas.space import load_space
from evonas.table import BenchmarkTable, open_table
from scripts.report.mobiledets_fronts import Found

CHOSEN = 5  # networks of each front to be trained from scratch


def truth_of(path: Path) -> Truth | None:
    """Returns the trained networks of nano in a table, None without one."""
    return load_truth(open_table(path), load_space("nano")) if path.exists() else None


@dataclass(frozen=True, slots=True)
class Clock:
    """Times of trained networks.

    Attributes:
        compiled: The compiler's milliseconds by device and `arch_id`; other devices' are predicted.
    """

    compiled: dict[str, dict[str, float]]

    def __call__(self, device: str, arch_ids: Sequence[str]) -> Floats:
        """Returns (n,) ms."""
        if device in self.compiled:
            return np.array([self.compiled[device][arch_id] for arch_id in arch_ids])
        return load_predictor(device, "nano").predict(load_space("nano").genotypes(arch_ids))


def read_clock(tables: Sequence[BenchmarkTable], devices: Sequence[str]) -> Clock:
    """Reads the compilers' times, of those devices that all networks of the tables have one of.

    So times of two sources never meet in one comparison.
    """
    space, compiled = load_space("nano"), {}
    for device in devices:
        times: dict[str, float] = {}
        for table_ in tables:
            genotypes = table_.genotypes(space)
            found = table_.lookup(genotypes, [f"measured:{device}"], space)[f"measured:{device}"]
            times |= zip(space.arch_ids(genotypes), found.tolist(), strict=True)
        if np.isfinite(list(times.values())).all():
            compiled[device] = times
    return Clock(compiled)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A network to be trained: the best that a sub-space's search found within a latency."""

    device: str
    budget_ms: float
    subspace: str
    arch_id: str


def choose_networks(
    founds: Sequence[Found], devices: Sequence[str], pair: tuple[str, str]
) -> list[Chosen]:
    """Returns networks of two sub-spaces' first fronts on each device at equal latencies.

    The latencies are even on a logarithmic scale over what both fronts span, or where there is no
    such range over that of the pair's first.
    """
    space, seed = load_space("nano"), min(found.seed for found in founds)
    by_key = {(f.device, f.subspace): f for f in founds if f.seed == seed}
    chosen = []
    for device in devices:
        fronts = {name: by_key[device, name] for name in pair}
        low = max(front.latency_ms[0] for front in fronts.values())
        high = min(front.latency_ms[-1] for front in fronts.values())
        if low >= high:
            low, high = fronts[pair[0]].latency_ms[[0, -1]]
        for budget in np.geomspace(low, high, CHOSEN + 2)[1:-1]:
            for name, front in fronts.items():
                within = np.flatnonzero(front.latency_ms <= budget)
                best = space.arch_ids(front.genotypes[within[-1:]])
                chosen += [Chosen(device, float(budget), name, arch_id) for arch_id in best]
    return chosen


def write_chosen(path: Path, chosen: Sequence[Chosen]) -> None:
    """Writes the networks as CSV."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["device", "budget_ms", "subspace", "arch_id"])
    rows.writerows([c.device, f"{c.budget_ms:.5f}", c.subspace, c.arch_id] for c in chosen)
    write_atomically(path, text.getvalue().encode())


def read_chosen(path: Path) -> list[Chosen]:
    """Reads what `write_chosen` wrote."""
    with open(path, newline="") as file:
        return [
            Chosen(row["device"], float(row["budget_ms"]), row["subspace"], row["arch_id"])
            for row in csv.DictReader(file)
        ]


@dataclass(frozen=True, slots=True)
class Trained:
    """Chosen networks that are trained.

    Attributes:
        chosen: All that were chosen, trained or not.
        ap: Mean AP of a network's seeds, by `arch_id`.
        n_seeds: How many seeds these are.
        clock: Tells the networks' times.
    """

    chosen: tuple[Chosen, ...]
    ap: dict[str, float]
    n_seeds: dict[str, int]
    clock: Clock

    def curve(self, device: str, subspace: str) -> dict[float, tuple[str, float]]:
        """Returns `arch_id` and AP by budget, of those that are trained."""
        return {
            c.budget_ms: (c.arch_id, self.ap[c.arch_id])
            for c in self.chosen
            if (c.device, c.subspace) == (device, subspace) and c.arch_id in self.ap
        }

    def times(self, device: str, networks: Iterable[tuple[str, float]]) -> Floats:
        """Returns (n,) ms on a device of networks of a curve."""
        return self.clock(device, [arch_id for arch_id, _ in networks])
