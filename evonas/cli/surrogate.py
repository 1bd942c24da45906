"""`evonas supernet fit`: a surrogate of trained AP on the supernet's scores."""

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.output import AsJson, print_json, print_table
from evonas.cli.ranking import supernet_scores


def fit(
    truth: Annotated[Path, typer.Option(help="Table with trained_map columns.")],
    out: Annotated[Path, typer.Option(help="The .npz file to write.")],
    space: Annotated[str, typer.Option(help="Search space.")] = "nano",
    data: Annotated[
        Path | None, typer.Option(help="COCO-format folder; without it no supernet's scores.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="The supernet's weights; by default those shipped.")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Table that keeps the supernet's scores.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of folds and fits.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a surrogate of trained AP; cross-validation chooses the model and tells its error."""
    from evonas.ranking import load_truth
    from evonas.scoring.surrogate import fit_surrogate, save_surrogate
    from evonas.space import load_space
    from evonas.table import open_table

    table = open_table(truth)
    the_truth = load_truth(table, load_space(space))
    inherited = supernet_scores(the_truth, data, weights, scores) if data else None
    surrogate = fit_surrogate(
        the_truth.space,
        the_truth.genotypes,
        the_truth.ap,
        inherited,
        {"truth": table.checksum(), "n": len(the_truth)},
        seed,
    )
    save_surrogate(out, surrogate)
    errors = surrogate.card["cross_validation"]
    if as_json:
        best = errors[surrogate.kind]
        print_json({"space": space, "kind": surrogate.kind, **best, "models": errors})
        return
    rows = [
        [kind, *(f"{figures[name]:.4f}" for name in ("tau", "r2", "rmse", "coverage"))]
        for kind, figures in errors.items()
    ]
    title = f"{len(the_truth)} trained architectures of {space}, held out in five folds"
    print_table(["model", "tau", "R2", "RMSE", "in 95 % interval"], rows, title)
    typer.echo(f"{out}: {surrogate.kind}")
