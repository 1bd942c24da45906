"""Says how hard a trained space is, also while its table is still being filled.

    python -m scripts.build.boards_difficulty runs/boards/table

Deviation between architectures against that between seeds, overall and within the middle third by
multiply-adds; what single genes, multiply-adds, main effects and pairs explain; local optima;
shares on the front; how well the order after each eighth of the steps, and the surrogate of AP on
digits, agree with the end. What too few networks cannot tell is null.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from evonas.benchmark.difficulty import (
    NOISE_OF_A_DIFFERENCE,
    explained,
    front_share,
    local_optima,
)
from evonas.errors import DataError
from evonas.json_values import without_nan
from evonas.paths import shipped_data
from evonas.ranking.discrimination import discrimination, explained_by_gene
from evonas.ranking.statistics import bootstrap, kendall_tau
from evonas.ranking.truth import Truth, load_truth
from evonas.scoring.surrogate import load_surrogate
from evonas.space import load_space, whole_space
from evonas.table import open_table
from evonas.table.columns import curve_steps

Floats = NDArray[np.float64]

_LEAST = 10  # networks for a rank correlation


def main(
    table: Annotated[Path, typer.Argument(help="Table with trained_map, whole or in part.")],
    space: str = "femto",
    surrogate: Annotated[
        Path | None, typer.Option(help="Of AP on other data; by default that of nano on digits.")
    ] = None,
) -> None:
    """Prints one JSON object."""
    opened, home = open_table(table), load_space(space)
    truth = load_truth(opened, home)
    report = {
        "space": space,
        "networks": len(truth),
        "of": home.size,
        "trainings": int(truth.n_runs.sum()),
        "ap": _summary(truth.ap),
        "deviation": _deviation(truth),
        "explained": _shares(truth),
        "local_optima": _optima(truth),
        "front_share": {name: front_share(truth.ap, cost) for name, cost in truth.costs.items()},
    }
    rows = {
        name: opened.lookup(truth.genotypes, [name], home)[name]
        for name in (f"trained_map#{s}" for s in curve_steps(opened.columns(home), "trained_map"))
    }
    report["tau_with_the_end"] = {
        name: _tau(truth, values, against_first=True) for name, values in rows.items()
    }
    path = surrogate or shipped_data() / "surrogates" / "nano.npz"
    whole = load_space(whole_space(space))
    predicted, _ = load_surrogate(path, whole).predict(home.translate(truth.genotypes, whole))
    report["tau_with_surrogate"] = _tau(truth, predicted)
    typer.echo(json.dumps(without_nan(report), indent=1))


def _summary(values: Floats) -> dict[str, float]:
    low, median, high = np.quantile(values, [0, 0.5, 1])
    return {"least": low, "median": median, "most": high}


def _deviation(truth: Truth) -> dict[str, float]:
    found = discrimination(truth)
    return {
        "architectures": found.std,
        "middle_third_by_madds": found.std_middle,
        "seeds": found.seed_std,
        "with_several_seeds": found.n_repeated,
        "ratio": found.ratio,
        "ratio_middle_third": found.ratio_middle,
    }


def _shares(truth: Truth) -> dict[str, Any]:
    genes = explained_by_gene(truth.space, truth.genotypes, truth.ap)
    madds = np.corrcoef(np.log(truth.costs["madds"]), truth.ap)[0, 1] ** 2
    shares: dict[str, Any] = {"genes": genes, "madds": madds}
    for name, order in (("main_effects", 1), ("pairs", 2)):
        try:
            found = explained(truth.genotypes, truth.runs, order)
        except DataError:
            shares[name] = None
            continue
        shares[name] = {
            "share": found.share,
            "residual": found.residual_std,
            "parameters": found.parameters,
        }
    return shares


def _optima(truth: Truth) -> dict[str, Any] | None:
    """None while networks are missing, as the way to a better one may lead over these."""
    if len(truth) < truth.space.size:
        return None
    _, prominence = local_optima(truth.space, truth.genotypes, truth.ap)
    beyond = prominence > NOISE_OF_A_DIFFERENCE * truth.seed_std
    return {"all": len(prominence), "beyond_noise": int(beyond.sum())}


def _tau(truth: Truth, values: Floats, against_first: bool = False) -> dict[str, float] | None:
    """Kendall's tau of values with AP, or with that of the first seed, with its interval."""
    target = truth.runs[:, 0] if against_first else truth.ap
    known = np.isfinite(values) & np.isfinite(target)
    if known.sum() < _LEAST:
        return None
    found = bootstrap(kendall_tau, target[known], values[known])
    return {"n": int(known.sum()), "tau": found.value, "low": found.low, "high": found.high}


if __name__ == "__main__":
    typer.run(main)
