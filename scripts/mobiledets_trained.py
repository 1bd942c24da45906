"""The parts of the report that need trained networks."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mobiledets_fronts import Found, interval
from numpy.typing import NDArray

from evonas.benchmark.page import paragraph, table
from evonas.files import write_atomically
from evonas.latency import load_predictor
from evonas.ranking.statistics import bootstrap, kendall_tau, regret
from evonas.ranking.truth import Truth, load_truth
from evonas.space import load_space
from evonas.table import BenchmarkTable, open_table

Floats = NDArray[np.float64]

CHOSEN = 5  # networks of each front to be trained from scratch
COMPARED = (("tdb", "ibn"), ("early", "late"))  # networks of both, at equal latency
WORTH = 0.02  # AP
TRAIN = "python scripts/train_truth.py --data data/digits --table runs/truth/table"
CLASSIFY = (
    "python scripts/train_classification.py --truth benchmark_data/truth/nano-v5.h5 "
    "--data data/digits --table runs/classification/table"
)
RETRAIN = (
    "python scripts/train_truth.py --data data/digits --table runs/retrained/table "
    "--networks docs/mobiledets/to_train.csv --count 0"
)


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


def proxy_section(truth: Truth | None, scores: Path, column: str) -> tuple[str, list[str]]:
    """Returns the verdict and section (d): does classification rank as detection does?"""
    if truth is None or not scores.exists():
        lacking = [
            f"trained networks (--truth TABLE, made by: {TRAIN})" if truth is None else "",
            "digit-classification scores of the same networks (--classification TABLE, made by: "
            f"{CLASSIFY})"
            if not scores.exists()
            else "",
        ]
        told = "Missing: " + " and ".join(filter(None, lacking)) + "."
        return "not answered: data is missing", [paragraph(told)]
    proxy = open_table(scores).lookup(truth.genotypes, [column], truth.space)[column]
    shared = ~np.isnan(proxy)
    if shared.sum() < 10:
        told = f"Only {shared.sum()} trained networks have a {column!r}; 10 are the fewest."
        return "not answered: too few networks", [paragraph(told)]
    ap, proxy = truth.ap[shared], proxy[shared]
    tau = bootstrap(kendall_tau, ap, proxy)
    lost = bootstrap(regret(CHOSEN), ap, proxy)
    told = (
        f"Of {shared.sum()} networks, classification ranks detection with tau {tau.value:.2f} "
        f"({tau.low:.2f} to {tau.high:.2f}); the best of its {CHOSEN} favourites is "
        f"{lost.value:.3f} AP ({lost.low:.3f} to {lost.high:.3f}) below the best network."
    )
    noise = truth.seed_std
    verdict = (
        "holds" if lost.low > noise else "holds in part" if tau.high < 0.8 else "does not hold"
    )
    return f"{verdict}: tau {tau.value:.2f}, regret {lost.value:.3f} AP", [paragraph(told)]


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


def retrained_section(
    truth: Truth | None,
    retrained: Truth | None,
    chosen: Sequence[Chosen],
    listing: str,
    clock: Clock,
) -> tuple[list[tuple[str, str]], list[str]]:
    """Returns claims with verdicts and section (e): networks of the fronts, trained from scratch.

    They were chosen by predicted latencies; `clock` tells what they take.
    """
    claims = [
        "What the search finds is better than what chance finds.",
        "Regular convolutions pay when networks are trained.",
        "They pay more in the first half of the blocks than in the second.",
        "A network found for one device is worse on another than that device's own.",
    ]
    if truth is None or retrained is None:
        told = (
            f"Missing: random networks trained from scratch (--truth TABLE, made by: {TRAIN}) and "
            f"those of {listing} (--retrained TABLE, made by: {RETRAIN})."
        )
        return [(claim, "not answered: data is missing") for claim in claims], [paragraph(told)]
    arch_ids = retrained.space.arch_ids(retrained.genotypes)
    trained = Trained(
        tuple(chosen),
        dict(zip(arch_ids, retrained.ap.tolist(), strict=True)),
        dict(zip(arch_ids, retrained.n_runs.tolist(), strict=True)),
        clock,
    )
    devices = [d for d in dict.fromkeys(c.device for c in chosen) if trained.curve(d, "tdb")]
    if not devices:
        return [(claim, "not answered: none is trained") for claim in claims], []
    verdicts, tables = zip(
        _against_chance(trained, truth, devices),
        *(_compared(trained, devices, pair) for pair in COMPARED),
        _across_devices(trained, devices),
        strict=True,
    )
    compiled = [device for device in devices if device in clock.compiled]
    seeds = (
        f"{len(trained.ap)} networks trained, AP is the mean of their seeds. They were chosen by "
        f"predicted times; here times are the compiler's for {', '.join(compiled) or 'no device'}, "
        "else predicted or, on devices that are formulas, the formula's."
    )
    noise = (
        f"Between seeds of one network of the truth AP deviates by {truth.seed_std:.3f}. "
        "Intervals are 95 % bootstrap intervals over the networks compared."
    )
    return list(zip(claims, verdicts, strict=True)), [
        paragraph(f"{seeds} {noise}", note=True),
        *tables,
    ]


def _against_chance(trained: Trained, truth: Truth, devices: Sequence[str]) -> tuple[str, str]:
    rows, gains = [], []
    for device in devices:
        times = trained.clock(device, truth.space.arch_ids(truth.genotypes))
        curve = trained.curve(device, "tdb")
        own_times = trained.times(device, curve.values())
        for (budget, (arch_id, ap)), own in zip(curve.items(), own_times, strict=True):
            limit = max(budget, own)  # chosen by a prediction, it may be over the budget
            within = truth.ap[times <= limit]
            if not len(within):
                continue
            best, seeds = float(within.max()), str(trained.n_seeds[arch_id])
            gains.append(ap - best)
            figures = [f"{value:.3f}" for value in (limit, own, best, ap)]
            rows.append([device, arch_id, *figures, f"{ap - best:+.3f}", seeds])
    if not gains:
        return "not answered: no random network is as fast", ""
    share = float(np.mean(np.array(gains) >= WORTH))
    word = "holds" if share == 1 else "holds in part" if share > 0 else "does not hold here"
    told = (
        f"{word}: {share:.0%} of {len(gains)} networks are at least {WORTH} AP above the best of "
        f"{len(truth.ap)} random ones within the same time, on average {np.mean(gains):+.3f}"
    )
    heads = ["device", "network of tdb", "within (ms)", "takes", "best random"]
    heads += ["its AP", "gain", "seeds"]
    return told, table(heads, rows, left=2)


def _compared(trained: Trained, devices: Sequence[str], pair: tuple[str, str]) -> tuple[str, str]:
    """What the networks of a pair's first sub-space have over the second's within a latency."""
    first, second = pair
    rows, words = [], []
    for device in devices:
        ours, theirs = (trained.curve(device, name) for name in pair)
        both = sorted(ours.keys() & theirs.keys())
        if len(both) < 2:
            continue
        gain = np.array([ours[budget][1] - theirs[budget][1] for budget in both])
        mean, low, high = interval(gain)
        word = f"{first} better" if low > 0 else f"{second} better" if high < 0 else "undecided"
        words.append(f"{device} {word} ({mean:+.3f})")
        each = ", ".join(f"{value:+.3f}" for value in gain)
        our_times, their_times = (
            trained.times(device, [curve[budget] for budget in both]) for curve in (ours, theirs)
        )
        figures = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
        rows.append([device, figures, each, f"{np.mean(our_times / their_times):.2f}"])
    if not rows:
        return f"not answered: no two networks of {second} are trained", ""
    heads = [
        "device",
        f"AP of {first} less that of {second} at equal latency",
        "by latency, fastest first",
        f"time over {second}'s",
    ]
    return "; ".join(words), table(heads, rows)


def _across_devices(trained: Trained, devices: Sequence[str]) -> tuple[str, str]:
    """How far another device's networks are below the own ones within their latency."""
    rows, worse, better, pairs = [], 0, 0, 0
    for target in devices:
        own = list(trained.curve(target, "tdb").values())
        own_times = trained.times(target, own)
        own_ap = np.array([ap for _, ap in own])
        for source in devices:
            if source == target:
                continue
            foreign = list(trained.curve(source, "tdb").values())
            lags = []
            for (_, ap), time in zip(foreign, trained.times(target, foreign), strict=True):
                if min(own_times) <= time <= max(own_times):
                    lags.append(max(own_ap[own_times <= time]) - ap)
            if len(lags) < 2:
                continue
            mean, low, high = interval(np.array(lags))
            pairs, worse, better = pairs + 1, worse + (low > 0), better + (high < 0)
            figures = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
            rows.append([source, target, figures, str(len(lags))])
    if not rows:
        return "not answered: too few networks are trained", ""
    word = "holds" if worse == pairs else "holds in part" if worse else "does not hold here"
    heads = ["found for", "run on", "AP of the own ones less theirs", "networks"]
    told = f"clearly worse in {worse}, clearly better in {better} of {pairs} pairs of devices"
    rule = (
        "Each network is held against the best own one that is no slower; those that are slower "
        "or faster than every own one are left out."
    )
    return f"{word}: {told}", table(heads, rows) + paragraph(rule, note=True)
