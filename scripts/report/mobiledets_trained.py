"""The parts of the report that need trained networks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evonas.figures.page import paragraph, table
from evonas.ranking.statistics import bootstrap, kendall_tau, regret
from evonas.ranking.truth import Truth
from evonas.table import open_table
from scripts.report.mobiledets_fronts import interval
from scripts.report.mobiledets_networks import CHOSEN, Chosen, Clock, Trained

COMPARED = (("tdb", "ibn"), ("early", "late"))  # networks of both, at equal latency
WORTH = 0.02  # AP
TRAIN = "python -m scripts.build.truth --data data/digits --table runs/truth/table"
CLASSIFY = (
    "python -m scripts.build.classification --truth benchmark_data/truth/nano-v6.h5 "
    "--data data/digits --table runs/classification/table"
)
RETRAIN = (
    "python -m scripts.build.truth --data data/digits --table runs/retrained/table "
    "--networks docs/mobiledets/to_train.csv --count 0"
)


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
        text = "Missing: " + " and ".join(filter(None, lacking)) + "."
        return "not answered: data is missing", [paragraph(text)]
    proxy = open_table(scores).lookup(truth.genotypes, [column], truth.space)[column]
    shared = ~np.isnan(proxy)
    if shared.sum() < 10:
        text = f"Only {shared.sum()} trained networks have a {column!r}; 10 are the fewest."
        return "not answered: too few networks", [paragraph(text)]
    ap, proxy = truth.ap[shared], proxy[shared]
    tau = bootstrap(kendall_tau, ap, proxy)
    lost = bootstrap(regret(CHOSEN), ap, proxy)
    text = (
        f"Of {shared.sum()} networks, classification ranks detection with tau {tau.value:.2f} "
        f"({tau.low:.2f} to {tau.high:.2f}); the best of its {CHOSEN} favourites is "
        f"{lost.value:.3f} AP ({lost.low:.3f} to {lost.high:.3f}) below the best network."
    )
    noise = truth.seed_std
    verdict = (
        "holds" if lost.low > noise else "holds in part" if tau.high < 0.8 else "does not hold"
    )
    return f"{verdict}: tau {tau.value:.2f}, regret {lost.value:.3f} AP", [paragraph(text)]


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
        text = (
            f"Missing: random networks trained from scratch (--truth TABLE, made by: {TRAIN}) and "
            f"those of {listing} (--retrained TABLE, made by: {RETRAIN})."
        )
        return [(claim, "not answered: data is missing") for claim in claims], [paragraph(text)]
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
    text = (
        f"{word}: {share:.0%} of {len(gains)} networks are at least {WORTH} AP above the best of "
        f"{len(truth.ap)} random ones within the same time, on average {np.mean(gains):+.3f}"
    )
    heads = ["device", "network of tdb", "within (ms)", "takes", "best random"]
    heads += ["its AP", "gain", "seeds"]
    return text, table(heads, rows, left=2)


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
    text = f"clearly worse in {worse}, clearly better in {better} of {pairs} pairs of devices"
    rule = (
        "Each network is held against the best own one that is no slower; those that are slower "
        "or faster than every own one are left out."
    )
    return f"{word}: {text}", table(heads, rows) + paragraph(rule, note=True)
