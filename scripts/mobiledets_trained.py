"""The parts of the report that need trained networks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mobiledets_fronts import Found, best_within
from numpy.typing import NDArray

from evonas.benchmark.page import paragraph, table
from evonas.latency import load_predictor
from evonas.ranking.statistics import bootstrap, kendall_tau, regret
from evonas.ranking.truth import Truth, load_truth
from evonas.space import load_space
from evonas.table import open_table

Floats = NDArray[np.float64]

CHOSEN = 5  # networks of each front to be trained from scratch
TRAIN = "python scripts/train_truth.py --data data/digits --table runs/truth/table"


def truth_of(path: Path | None) -> Truth | None:
    """Returns the trained networks of nano in a table, None without one."""
    return None if path is None else load_truth(open_table(path), load_space("nano"))


def proxy_section(truth: Truth | None, scores: Path | None, column: str) -> tuple[str, list[str]]:
    """Returns the verdict and section (d): does classification rank as detection does?"""
    if truth is None or scores is None:
        lacking = [
            "trained networks (--truth TABLE, made by: " + TRAIN + ")" if truth is None else "",
            "digit-classification scores of the same networks (--classification TABLE, a table of "
            "nano with a column such as 'accuracy', by evonas table import)"
            if not scores
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


def chosen_networks(founds: Sequence[Found]) -> NDArray[np.uint8]:
    """Returns the networks of a device's first front to be trained, log-even in latency."""
    first = min(founds, key=lambda found: found.seed)
    at = np.geomspace(first.latency_ms[0], first.latency_ms[-1], CHOSEN + 2)[1:-1]
    rows = [int(np.abs(np.log(first.latency_ms / t)).argmin()) for t in at]
    networks: NDArray[np.uint8] = first.genotypes[sorted(set(rows))]
    return networks


def retrained_section(
    truth: Truth | None,
    retrained: Truth | None,
    chosen: dict[str, NDArray[np.uint8]],
    commands: str,
) -> tuple[str, list[str]]:
    """Returns the verdict and section (e): front networks trained against random ones trained."""
    if truth is None or retrained is None:
        told = (
            "Missing: random networks trained from scratch (--truth TABLE, made by: "
            f"{TRAIN}) and the networks of {commands} trained by the same recipe with three seeds "
            "(--retrained TABLE, made by: evonas train ARCH_ID --recipe nano --table TABLE)."
        )
        return "not answered: data is missing", [paragraph(told)]
    trained = {row.tobytes(): ap for row, ap in zip(retrained.genotypes, retrained.ap, strict=True)}
    rows, gains = [], []
    for device, networks in chosen.items():
        predictor = load_predictor(device, "nano")
        times = predictor.predict(truth.genotypes)
        order = np.argsort(times)
        ap = np.maximum.accumulate(truth.ap[order])
        random = Found("random", device, 0, truth.genotypes[order], ap, times[order])
        for network, time in zip(networks, predictor.predict(networks), strict=True):
            if network.tobytes() not in trained or time < times.min():
                continue
            mine, best = trained[network.tobytes()], float(best_within(random, np.array([time]))[0])
            gains.append(mine - best)
            figures = [f"{time:.3f}", f"{mine:.3f}", f"{best:.3f}", f"{mine - best:+.3f}"]
            rows.append([device, load_space("nano").arch_ids(network[None])[0], *figures])
    if not gains:
        return "not answered: no network of the fronts is in the table", []
    share = float(np.mean(np.array(gains) >= 0.02))
    verdict = "holds" if share == 1 else "holds in part" if share > 0 else "does not hold"
    told = f"{share:.0%} of {len(gains)} networks are at least 0.02 AP above the best random one."
    heads = ["device", "network", "ms", "AP", "best random within", "gain"]
    return f"{verdict}: {told}", [paragraph(told), table(heads, rows)]
