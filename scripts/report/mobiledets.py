r"""Asks the questions of the MobileDets paper of our own data, and writes a report with pictures.

    python -m scripts.report.mobiledets --workers 2

All it needs is shipped: a surrogate of trained AP, trained random networks, trained networks of
fronts that were found before, classification accuracies. `--choose tdb,ibn --choose early,late`
lists networks of these sub-spaces' new fronts in to_train.csv, which `scripts/build/truth.py`
trains. The verdicts follow from rules that stand in the report, whatever the figures are.
"""

import csv
import io
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from evonas.figures.page import charts, heading, page, paragraph, table
from evonas.figures.svg import Chart, Line, legend
from evonas.files import write_atomically
from evonas.latency import list_predictors, load_device
from evonas.paths import shipped_data
from evonas.space import load_space
from evonas.space.rules import PLACEMENTS
from evonas.table import open_table
from scripts.report.mobiledets_fronts import (
    KINDS,
    SPACES,
    Found,
    accuracy,
    gain_at_equal_latency,
    interval,
    kind_shares,
    mean_surrogate_std,
    regular_share,
    scaled_volumes,
    search,
    transfer,
)
from scripts.report.mobiledets_networks import (
    choose_networks,
    read_chosen,
    read_clock,
    truth_of,
    write_chosen,
)
from scripts.report.mobiledets_trained import COMPARED, proxy_section, retrained_section

DATA = shipped_data()
SURROGATE = DATA / "surrogates" / "nano.npz"
TRUTH = DATA / "truth" / "nano-v6.h5"
RETRAINED = DATA / "truth" / "fronts-v4.h5"
CLASSIFICATION = DATA / "truth" / "classification-v1.h5"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim of the paper and what became of it here."""

    claim: str
    text: str


def main(
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("docs/mobiledets"),
    surrogate: Annotated[Path, typer.Option(help="Source of AP.")] = SURROGATE,
    truth: Annotated[Path, typer.Option(help="Table: random ones trained.")] = TRUTH,
    retrained: Annotated[Path, typer.Option(help="Table: fronts trained.")] = RETRAINED,
    classification: Annotated[Path, typer.Option(help="Table of the proxy.")] = CLASSIFICATION,
    choose: Annotated[
        list[str] | None, typer.Option(help="Choose networks to train anew: tdb,ibn or early,late.")
    ] = None,
    column: Annotated[str, typer.Option(help="The proxy's column.")] = "accuracy",
    seeds: int = 11,
    evaluations: int = 3000,
    population: int = 100,
    workers: int = 1,
) -> None:
    """Searches, computes, writes report.html and fronts.csv."""
    source = surrogate
    pairs = [_read_pair(text) for text in choose or ()]
    devices = list_predictors("nano")
    jobs = list(product(SPACES, devices, range(seeds)))
    one = partial(_search, evaluations, population, source)
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            founds = list(pool.map(one, jobs))
    else:
        founds = [one(job) for job in jobs]
    known = truth_of(truth)
    listing = out / "to_train.csv"
    chosen = read_chosen(listing) if listing.exists() else []
    for pair in pairs:
        chosen = [network for network in chosen if network.subspace not in pair]
        chosen += choose_networks(founds, devices, pair)
    if pairs:
        write_chosen(listing, chosen)
    sections = {
        "(a) Where regular convolutions pay": pay_section(founds, devices, source),
        "(b) Where they stand": depth_section(founds, devices, source),
        "(c) Networks found for one device, on the others": transfer_section(founds, devices),
    }
    text = proxy_section(known, classification, column)
    sections["(d) Classification as a proxy"] = (
        [Verdict("Searching by classification misleads a detector's search.", text[0])],
        text[1],
    )
    tables = [open_table(path) for path in (truth, retrained) if path.exists()]
    clock = read_clock(tables, devices)
    claims, content = retrained_section(known, truth_of(retrained), chosen, str(listing), clock)
    sections["(e) Fronts trained from scratch"] = ([Verdict(*claim) for claim in claims], content)
    settings = f"{seeds} seeds of NSGA-II, {evaluations} evaluations, population {population}"
    write_atomically(out / "report.html", report(sections, source, settings).encode())
    write_atomically(out / "fronts.csv", fronts_csv(founds).encode())
    for verdicts, _ in sections.values():
        for verdict in verdicts:
            typer.echo(f"{verdict.claim} {verdict.text}")
    typer.echo(out / "report.html")


# The paper's network for a CPU is of inverted bottlenecks alone (mobiledets.md, section 3).
CPUS = ("cpu-xnnpack", "host-onnxruntime")

Section = tuple[list[Verdict], list[str]]


def pay_section(founds: Sequence[Found], devices: Sequence[str], source: Path) -> Section:
    """Section (a): hypervolume and AP of the larger sub-spaces over `ibn`'s."""
    verdicts, rows, drawn, error = [], [], [], accuracy(source).errors["rmse"]
    for device in devices:
        own = [f for f in founds if f.device == device]
        volumes = dict(zip(((f.subspace, f.seed) for f in own), scaled_volumes(own), strict=True))
        by_key = {(f.subspace, f.seed): f for f in own}
        seeds = sorted({f.seed for f in own})
        for name in ("ibn+fused", "tdb"):
            more = np.array([volumes[name, s] - volumes["ibn", s] for s in seeds])
            gain = np.array(
                [gain_at_equal_latency(by_key[name, s], by_key["ibn", s]) for s in seeds]
            )
            (mean, low, high), (ap, ap_low, ap_high) = interval(more), interval(gain)
            figures = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
            unsure = max(
                error, *(mean_surrogate_std(by_key[n, seeds[0]], source) for n in (name, "ibn"))
            )
            in_ap = f"{ap:+.4f} ({ap_low:+.4f} to {ap_high:+.4f})"
            rows.append([device, name, figures, in_ap, f"{unsure:.4f}"])
            if name == "tdb":
                expected = device not in CPUS
                claim = f"{device}: regular convolutions {'pay' if expected else 'do not pay'}."
                word = pays(low, ap_low, unsure) if expected else idle(ap_low, ap_high, unsure)
                verdicts.append(Verdict(claim, f"{word}: AP {in_ap}, error {unsure:.4f}"))
        drawn.append(front_chart(own, device).svg())
    rule = (
        "Intervals are 95 % bootstrap intervals over seeds: they hold the search's noise, not the "
        f"surrogate's error: {error:.4f} AP (root mean square, held out), or its own standard "
        "deviation on these fronts if that is more. Rule: a device's claim holds if the whole "
        "interval of the AP gained at equal latency is beyond that error, in part if the whole "
        "interval of the hypervolume is above 0, else it does not hold. Of the CPU the paper shows "
        "the opposite, a best network of IBN alone: that holds if the interval is within the "
        "error, and does not if it is beyond. Hypervolumes are shares of that of all the device's "
        "fronts together."
    )
    heads = ["device", "sub-space", "hypervolume less ibn's", "AP gained at equal latency", "error"]
    return verdicts, [
        paragraph(rule, note=True),
        legend(list(SPACES)),
        charts(drawn),
        table(heads, rows),
    ]


def pays(volume_low: float, ap_low: float, error: float) -> str:
    """Returns the verdict on section (a)'s claim by its rule."""
    if ap_low > error:
        return "holds"
    return "holds in part" if volume_low > 0 else "does not hold here"


def idle(ap_low: float, ap_high: float, error: float) -> str:
    """Returns the verdict on the opposite claim, the CPU's."""
    if ap_high <= error:
        return "holds"
    return "does not hold here" if ap_low > error else "holds in part"


def front_chart(founds: Sequence[Found], device: str) -> Chart:
    """The fronts of the first seed."""
    first = {f.subspace: f for f in founds if f.seed == 0}
    lines = [
        Line(name, first[name].latency_ms, first[name].ap, style, steps=True)
        for style, name in enumerate(SPACES)
    ]
    return Chart(f"{device}, seed 0", "latency (ms)", "AP", lines)


def depth_section(founds: Sequence[Found], devices: Sequence[str], source: Path) -> Section:
    """Section (b): kinds of ops by block on the fronts, and what early ones are worth there."""
    verdicts, drawn = [], []
    blocks = [f"block {number}" for number in range(1, len(load_space("nano").blocks) + 1)]
    sample = kind_shares(load_space("nano").sample(2000, np.random.default_rng(0)))
    places = np.arange(len(blocks), dtype=float)
    for device in devices:
        own = [f for f in founds if f.device == device and f.subspace == "tdb"]
        shares = [kind_shares(f.genotypes) for f in own]
        lines = []
        for style, kind in enumerate(KINDS):
            values = np.array([share[kind] for share in shares])
            low, high = values.min(axis=0), values.max(axis=0)
            lines.append(Line(kind, places, values.mean(axis=0), style, low, high))
            lines.append(Line("", places, sample[kind], style + 7))
        drawn.append(Chart(device, "", "share of layers", lines, x_names=blocks).svg())
        early = np.array([regular_share(f.genotypes, early=True) for f in own])
        late = np.array([regular_share(f.genotypes, early=False) for f in own])
        mean, low, high = interval(early - late)
        word = "holds" if low > 0 else "does not hold here" if high < 0 else "undecided"
        figures = f"{early.mean():.0%} early, {late.mean():.0%} late"
        verdicts.append(
            Verdict(
                f"{device}: regular convolutions stand early.",
                f"{word}: {figures}, difference {mean:+.2f} ({low:+.2f} to {high:+.2f})",
            )
        )
        halves = [
            [f for f in founds if (f.device, f.subspace) == (device, half)] for half in PLACEMENTS
        ]
        gain = np.array([gain_at_equal_latency(*pair) for pair in zip(*halves, strict=True)])
        mean, low, high = interval(gain)
        unsure = max(
            accuracy(source).errors["rmse"],
            *(mean_surrogate_std(half[0], source) for half in halves),
        )
        word = "holds" if low > unsure else "does not hold here" if high < -unsure else "undecided"
        text = f"{word}: AP {mean:+.4f} ({low:+.4f} to {high:+.4f}), error {unsure:.4f}"
        verdicts.append(Verdict(f"{device}: early ones are worth more than late ones.", text))
    rule = (
        "Mean over seeds, band: least to most; dashed: random networks of the space. Regular means "
        "Fused or Tucker, early the first two blocks of four. Rule: holds if the interval over "
        "seeds of the early share less the late one is above 0, does not hold if it is below. What "
        "early ones are worth: AP of the best networks with regular convolutions in the first half "
        "of the blocks only, less that of the best with such in the second half only, at equal "
        "latency; it holds if the whole interval is beyond the surrogate's error. The fronts of "
        "both are drawn in (a)."
    )
    return verdicts, [paragraph(rule, note=True), legend(list(KINDS)), charts(drawn)]


def transfer_section(founds: Sequence[Found], devices: Sequence[str]) -> Section:
    """Section (c): fronts of one device measured on another."""
    shares = transfer([f for f in founds if f.subspace == "tdb"], devices)
    mean = shares.mean(axis=2)
    rows = [
        [source, *(f"{mean[i, j]:.1%}" for j in range(len(devices)))]
        for i, source in enumerate(devices)
    ]
    verdicts = []
    for j, target in enumerate(devices):
        others = [i for i in range(len(devices)) if i != j]
        worse = [interval(shares[i, j])[2] < 1 for i in others]
        worst = min(others, key=lambda i: mean[i, j])
        word = "holds" if all(worse) else "holds in part" if any(worse) else "does not hold here"
        text = f"{word}: {sum(worse)} of {len(worse)}, the worst {mean[worst, j]:.1%}"
        claim = f"On {target} its own networks are best."
        verdicts.append(Verdict(claim, f"{text} ({devices[worst]})"))
    rule = (
        "Hypervolume on the column's device of the networks found for the row's, over that of its "
        "own front, mean over seeds. Rule: another device's networks are worse if the whole "
        "interval over seeds is below 100 %; the claim holds if all are."
    )
    return verdicts, [paragraph(rule, note=True), table(["found for", *devices], rows)]


def report(sections: dict[str, Section], source: Path, settings: str) -> str:
    """Returns the report as HTML."""
    model = accuracy(source)
    kinds = "; ".join(f"{d}: {load_device(d).source}" for d in list_predictors("nano"))
    parts = [
        paragraph(
            f"Space nano, digits scenes: nothing here is about COCO. AP: {model.source} "
            f"({source.name}, fitted to {model.card.get('n', 'unknown')} networks). Latencies are "
            f"predicted ({kinds}). {settings}."
        ),
        heading("Claims"),
        table(
            ["claim of the paper", "here"],
            [[v.claim, v.text] for verdicts, _ in sections.values() for v in verdicts],
            left=2,
        ),
    ]
    for title, (_, content) in sections.items():
        parts += [heading(title), *content]
    return page("The findings of MobileDets, asked of our own data", parts)


def fronts_csv(founds: Sequence[Found]) -> str:
    """Returns a line for each network of the first seed's fronts."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["device", "subspace", "seed", "arch_id", "map", "latency_ms"])
    for f in (found for found in founds if found.seed == 0):
        arch_ids = load_space("nano").arch_ids(f.genotypes)
        for arch_id, ap, time in zip(arch_ids, f.ap, f.latency_ms, strict=True):
            rows.writerow([f.device, f.subspace, f.seed, arch_id, f"{ap:.5f}", f"{time:.5f}"])
    return text.getvalue()


def _read_pair(text: str) -> tuple[str, str]:
    for pair in COMPARED:
        if text == ",".join(pair):
            return pair
    allowed = " or ".join(map(",".join, COMPARED))
    raise typer.BadParameter(f"--choose {text!r}: must be {allowed}")


def _search(evaluations: int, population: int, source: Path, job: tuple[str, str, int]) -> Found:
    subspace, device, seed = job
    return search(subspace, device, seed, evaluations, population, source)


if __name__ == "__main__":
    typer.run(main)
