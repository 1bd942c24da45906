"""Says how far what holds on one data set holds on another, by networks trained on both.

    python -m scripts.build.boards_transfer choose --count 60 --out runs/boards/transfer.csv
    python -m scripts.build.boards --space nano --networks runs/boards/transfer.csv \
        --data boards/tiles64 --table runs/boards-nano/table
    python -m scripts.build.boards_transfer compare benchmark_data/truth/nano-v6.h5 \
        runs/boards-nano/table

The networks chosen are the first ones of the truth, which are spread evenly over the logarithm of
their multiply-adds, however many there are.
"""

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from evonas.errors import DataError
from evonas.json_values import without_nan
from evonas.latency import list_predictors, load_predictor
from evonas.objectives import Objective, hypervolume, pareto_mask
from evonas.ranking.agreement import noise_ceiling
from evonas.ranking.statistics import bootstrap, kendall_tau
from evonas.ranking.truth import Truth, load_truth
from evonas.space import SearchSpace, load_space
from evonas.table import open_table
from scripts.build.truth import spread_sample

Floats = NDArray[np.float64]

_LEAST = 8  # networks trained on both
_OBJECTIVES = (Objective("trained_map", "AP", True), Objective("latency", "ms", False))

app = typer.Typer(add_completion=False)


@app.command()
def choose(
    out: Annotated[Path, typer.Option(help="CSV file with a column arch_id.")],
    count: int = 60,
    space: str = "nano",
) -> None:
    """Writes which networks of the truth to train on the other data."""
    home = load_space(space)
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arch_id"])
        writer.writerows([a] for a in home.arch_ids(spread_sample(home, count, seed=0)))


@app.command()
def compare(
    one: Annotated[Path, typer.Argument(help="Table trained on one data set.")],
    other: Annotated[Path, typer.Argument(help="Table trained on the other.")],
    space: str = "nano",
) -> None:
    """Prints one JSON object: tau over all and in the best quarters, and fronts by device."""
    typer.echo(json.dumps(without_nan(compared(one, other, load_space(space))), indent=1))


def compared(one: Path, other: Path, space: SearchSpace) -> dict[str, Any]:
    """Returns how far the networks of both tables rank alike.

    Raises:
        DataError: Too few networks are in both.
    """
    first, second = _shared(*(load_truth(open_table(path), space) for path in (one, other)))
    report: dict[str, Any] = {
        "networks": len(first),
        "tau": _tau(first.ap, second.ap),
        "tau_of_madds": [_tau(truth.ap, truth.costs["madds"]) for truth in (first, second)],
        "noise_ceilings": [asdict(noise_ceiling(truth)) for truth in (first, second)],
    }
    for name, truth in (("first", first), ("second", second)):
        best = truth.ap >= np.quantile(truth.ap, 0.75)
        report[f"tau_in_best_quarter_of_{name}"] = _tau(first.ap[best], second.ap[best])
    report["fronts"] = {
        device: _fronts(first, second, load_predictor(device, space).predict(first.genotypes))
        for device in list_predictors(space)
    }
    return report


def _shared(first: Truth, second: Truth) -> tuple[Truth, Truth]:
    rows = {genotype.tobytes(): row for row, genotype in enumerate(second.genotypes)}
    pairs = [(i, rows[g.tobytes()]) for i, g in enumerate(first.genotypes) if g.tobytes() in rows]
    if len(pairs) < _LEAST:
        raise DataError(f"{len(pairs)} networks are in both tables; at least {_LEAST} are required")
    chosen = np.array(pairs).T
    one, two = (
        Truth(truth.space, truth.genotypes[of], truth.runs[of])
        for truth, of in zip((first, second), chosen, strict=True)
    )
    return one, two


def _tau(one: Floats, other: Floats) -> dict[str, float]:
    return asdict(bootstrap(kendall_tau, one, other))


def _fronts(first: Truth, second: Truth, latency: Floats) -> dict[str, float]:
    """How much of the second data's front, and of its hypervolume, the first one's front has."""
    one, two = (np.stack([truth.ap, latency], axis=1) for truth in (first, second))
    ours, theirs = (pareto_mask(values, _OBJECTIVES) for values in (one, two))
    reference = np.array([two[:, 0].min(), latency.max()])
    whole = hypervolume(two[theirs], _OBJECTIVES, reference)
    return {
        "on_first": int(ours.sum()),
        "on_second": int(theirs.sum()),
        "on_both": int((ours & theirs).sum()),
        "hypervolume_share": hypervolume(two[ours], _OBJECTIVES, reference) / whole,
    }


if __name__ == "__main__":
    app()
