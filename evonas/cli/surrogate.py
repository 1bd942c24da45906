"""`evonas supernet fit`: a surrogate of trained AP on the supernet's scores."""

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.options import seed_option
from evonas.cli.output import AsJson, print_json, print_table
from evonas.cli.ranking import Scores, SpaceName, TruthTable, Weights, supernet_scores

_FIGURES = {
    "tau": "tau",
    "tau_best_quarter": "in the best quarter",
    "r2": "R2",
    "rmse": "RMSE",
    "coverage": "in 95 % interval",
}


def fit(
    truth: TruthTable,
    out: Annotated[Path, typer.Option(help="The .npz file to write.")],
    space: SpaceName = "nano",
    data: Annotated[
        Path | None,
        typer.Option(help="COCO-format folder; without it the supernet's scores are not used."),
    ] = None,
    weights: Weights = None,
    scores: Scores = None,
    surrogate: Annotated[
        Path | None,
        typer.Option(help="Surrogate of the supernet's scores, beside --out, in place of --data."),
    ] = None,
    seed: Annotated[int, seed_option("Seed of folds and fits.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a surrogate of trained AP; cross-validation chooses the model and estimates its error."""
    from evonas.errors import ConfigurationError
    from evonas.files import check_place
    from evonas.ranking import load_truth
    from evonas.scoring.surrogate import fit_surrogate, load_surrogate, save_surrogate
    from evonas.scoring.surrogate.model import SCORES, checksum
    from evonas.space import load_space
    from evonas.table import open_table

    home = load_space(space)
    if out.suffix != ".npz":
        raise ConfigurationError(f"--out {out}: a file whose name ends in .npz is required")
    check_place(out, lambda path: load_surrogate(path, home), f"surrogate of {space}")
    table = open_table(truth)
    the_truth = load_truth(table, home)
    card = {"truth": table.checksum(), "n": len(the_truth)}
    inherited = supernet_scores(the_truth, data, weights, scores) if data else None
    if surrogate is not None:
        if data is not None:
            raise ConfigurationError("--data and --surrogate both give the supernet's scores")
        if surrogate.resolve().parent != out.resolve().parent:
            raise ConfigurationError(
                f"--surrogate {surrogate}: must lie beside --out {out}, which reads it there"
            )
        inherited = load_surrogate(surrogate, the_truth.space).predict(the_truth.genotypes)[0]
        card[SCORES] = {"file": surrogate.name, "checksum": checksum(surrogate)}
    fitted = fit_surrogate(
        the_truth.space,
        the_truth.genotypes,
        the_truth.ap,
        inherited,
        card,
        seed,
    )
    save_surrogate(out, fitted)
    errors = fitted.card["cross_validation"]
    if as_json:
        best = errors[fitted.kind]
        print_json({"space": space, "kind": fitted.kind, **best, "models": errors})
        return
    rows = [
        [kind, *(f"{figures[name]:.4f}" for name in _FIGURES)] for kind, figures in errors.items()
    ]
    title = f"{len(the_truth)} trained architectures of {space}, held out in five folds"
    print_table(["model", *_FIGURES.values()], rows, title)
    typer.echo(f"{out}: {fitted.kind}")
