"""`evonas supernet rank`: how well a supernet ranks architectures as full training does."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.interrupts import keeps
from evonas.cli.options import processes_option, space_option
from evonas.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evonas.ranking import Truth

_SUPERNET, _OTHER, _BOTH = "supernet", "other supernet", "mean of both"

# Options that `evonas supernet fit` has as well.
TruthTable = Annotated[Path, typer.Option("--truth", help="Table with trained_map columns.")]
SpaceName = Annotated[str, space_option()]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="The supernet's weights; by default those shipped."),
]
Scores = Annotated[
    Path | None, typer.Option("--scores", help="Table that keeps the supernet's scores.")
]


def rank(
    truth: TruthTable,
    data: Annotated[Path, typer.Option(help="COCO-format folder with train and val splits.")],
    space: SpaceName = "nano",
    weights: Weights = None,
    scores: Scores = None,
    other: Annotated[
        Path | None, typer.Option(help="Weights of another training of the supernet.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="HTML file: supernet against trained AP.")
    ] = None,
    threads: Annotated[int, processes_option("CPU threads; 0 for all.", least=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Hold a supernet's ranking against trained AP, beside costs and zero-cost proxies."""
    from dataclasses import asdict

    import torch

    from evonas.errors import ConfigurationError
    from evonas.ranking import load_truth
    from evonas.ranking.report import ranking_report
    from evonas.ranking.statistics import bootstrap, kendall_tau
    from evonas.scoring.proxies import ProxyScorer
    from evonas.space import load_space
    from evonas.table import open_table

    if picture is not None and picture.suffix != ".html":
        raise ConfigurationError(f"--picture {picture}: the name must end in .html")
    if threads:
        torch.set_num_threads(threads)
    the_truth = load_truth(open_table(truth), load_space(space))
    predictions = {
        _SUPERNET: supernet_scores(the_truth, data, weights, scores),
        **the_truth.costs,
        **ProxyScorer(the_truth.space, data)(the_truth.genotypes),
    }
    if other is not None:
        predictions[_OTHER] = supernet_scores(the_truth, data, other, None)
        predictions[_BOTH] = (predictions[_SUPERNET] + predictions[_OTHER]) / 2
    report = ranking_report(the_truth, predictions)
    if other is not None:
        between = bootstrap(kendall_tau, predictions[_SUPERNET], predictions[_OTHER])
        report["tau_between_supernets"] = asdict(between)
    report = {"space": space, **_headline(report), **report}
    report["supernet_ap_mean"] = float(predictions[_SUPERNET].mean())
    report["supernet_ap_share"] = report["supernet_ap_mean"] / report["ap_mean"]
    if picture is not None:
        _draw(picture, the_truth, predictions[_SUPERNET], report)
    if as_json:
        print_json(report)
    else:
        _print(report)


def supernet_scores(
    truth: "Truth", data: Path, weights: Path | None, scores: Path | None
) -> "NDArray[np.float64]":
    """Returns (n,) AP by the supernet of trained architectures, those in `scores` from there."""
    from evonas.scoring import CachedScorer, MemoryStore, ScorerOptions, load_scorer
    from evonas.table import open_or_create

    scorer = load_scorer(_SUPERNET, ScorerOptions(truth.space, weights, data))
    assert scorer is not None
    store = open_or_create(scores) if scores else MemoryStore()
    kept = f"scores so far are in {scores}; the same command resumes"
    with keeps(lambda: kept if scores else "no score is kept; with --scores TABLE they are"):
        return CachedScorer(truth.space, scorer, store)(truth.genotypes)["map"]


def _headline(report: Mapping[str, Any]) -> dict[str, float]:
    """Returns the figures that stand at the top level of the JSON object."""
    of = report["predictors"]
    return {
        "tau": of[_SUPERNET]["tau"]["value"],
        "tau_low": of[_SUPERNET]["tau"]["low"],
        "tau_high": of[_SUPERNET]["tau"]["high"],
        "tau_madds": of["madds"]["tau"]["value"],
        "tau_params": of["params"]["tau"]["value"],
        "ceiling": report["noise_ceiling"]["value"],
    }


def _print(report: dict[str, Any]) -> None:
    rows = [
        [
            name,
            *(_interval(figures[key]) for key in ("tau", "spearman", "top_10", "regret_5")),
            _interval(figures["terciles"].get("middle")),
            f"{figures['alike']['tau']:.2f}",
        ]
        for name, figures in report["predictors"].items()
    ]
    headings = ["ranked by", "tau", "Spearman", "top 10", "regret of 5", "tau, middle MAdds"]
    title = f"{report['n']} trained architectures of {report['space']}, 95 % intervals"
    print_table([*headings, "tau, MAdds alike"], rows, title)
    mixes = report["predictors"][_SUPERNET]["op_mixes"]
    by_mix = ", ".join(f"{mix} {_interval(tau)}" for mix, tau in mixes.items())
    typer.echo(f"supernet's tau by most frequent op: {by_mix}")
    typer.echo(
        f"noise ceiling of tau {_interval(report['noise_ceiling'])}; between two seeds "
        f"{report['tau_between_seeds']:.2f}"
    )
    typer.echo(
        f"AP trained {report['ap_mean']:.3f} on average ({report['ap_min']:.3f} to "
        f"{report['ap_max']:.3f}), supernet {report['supernet_ap_mean']:.3f} "
        f"({report['supernet_ap_share']:.0%})"
    )
    if "tau_between_supernets" in report:
        typer.echo(f"tau between both supernets {_interval(report['tau_between_supernets'])}")
    spread = report["discrimination"]
    typer.echo(
        f"std of trained AP {spread['std']:.4f}, in the middle MAdds {spread['std_middle']:.4f}; "
        f"between seeds {spread['seed_std']:.4f} ({spread['n_repeated']} architectures): "
        f"ratios {spread['ratio']:.1f} and {spread['ratio_middle']:.1f}"
    )
    typer.echo(
        f"variance of trained AP explained by single genes, the most: {_most(report['genes'])}"
    )
    errors = report["predictors"][_SUPERNET]["error_genes"]
    typer.echo(f"variance of the supernet's error explained by single genes: {_most(errors)}")


def _most(shares: Mapping[str, float]) -> str:
    genes = sorted(shares.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{name} {share:.2f}" for name, share in genes)


def _interval(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return "-"
    return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"


def _draw(
    path: Path, truth: "Truth", scores: "NDArray[np.float64]", report: dict[str, Any]
) -> None:
    from evonas.figures.ranking import rank_data, rank_figure
    from evonas.files import write_atomically

    title = (
        f"{report['space']}: supernet against trained AP, n = {report['n']}, "
        f"tau = {report['tau']:.2f} ({report['tau_low']:.2f} to {report['tau_high']:.2f})"
    )
    figure = rank_figure(rank_data(truth, scores), title)
    write_atomically(path, figure.to_html(include_plotlyjs=True).encode())
