"""`evonas search`: one search, its table and its report."""

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.options import count_option, seed_option, space_option
from evonas.cli.output import AsJson, print_json
from evonas.limits import MAX_POPULATION


def search(
    space: Annotated[str, space_option()] = "nano",
    objectives: Annotated[
        str, typer.Option(help="Columns, separated by commas.")
    ] = "map,latency:cpu-xnnpack",
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Condition on every network such as 'latency:cpu-xnnpack <= 5', or with the "
            "predictor's margin 'latency_upper:cpu-xnnpack <= 5'; may be repeated."
        ),
    ] = None,
    algorithm: Annotated[str, typer.Option(help="nsga2, assisted, random, ...")] = "nsga2",
    population: Annotated[
        int, count_option("Architectures per generation.", most=MAX_POPULATION)
    ] = 24,
    generations: Annotated[int, count_option("Generations; the first is random.")] = 10,
    seed: Annotated[int, seed_option("The same seed finds the same front.")] = 0,
    scorer: Annotated[
        str, typer.Option(help="supernet, surrogate, or table for known scores only.")
    ] = "supernet",
    weights: Annotated[
        Path | None, typer.Option(help="Supernet weights; default: those shipped for the space.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="COCO-format folder on which the supernet is scored.")
    ] = None,
    surrogate: Annotated[
        Path | None, typer.Option(help="Surrogate; default: the one shipped for the space.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="Benchmark table, asked first and filled; default: OUT/table."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of front and report.")] = Path("runs/search"),
    ray: Annotated[
        str | None,
        typer.Option(help="Score on a Ray cluster: auto, HOST:PORT, or local for this machine."),
    ] = None,
    remeasure: Annotated[
        bool,
        typer.Option(help="Measure the front on its devices, where they can be reached."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Search a space for a Pareto front.

    Stopped at any moment and run again, it resumes from the scores in the table.
    """
    from evonas.cli.searching import SearchOptions, print_front, run, summary
    from evonas.errors import EvonasError
    from evonas.search import make_spec

    names = [name.strip() for name in objectives.split(",")]
    spec = make_spec(space, names, where or (), algorithm, population, generations, seed)
    options = SearchOptions(
        spec,
        table=table or out / "table",
        out=out,
        scorer=scorer,
        weights=weights,
        data=data,
        surrogate=surrogate,
        ray=ray,
        remeasure=remeasure,
    )
    result, sources = run(options)
    if as_json:
        print_json(summary(result))
    else:
        print_front(result, sources)
        if scorer == "surrogate" and "map" in sources:
            typer.echo(
                "map is what a surrogate expects after training on the data it was fitted to"
            )
        scores = f"; scores: {options.table}" if spec.scored else ""
        typer.echo(f"written to {out}: front.csv, front.html, run.json{scores}")
    if not len(result.front):
        conditions = " and ".join(str(constraint.condition) for constraint in spec.constraints)
        tried = len(result.archive.genotypes)
        raise EvonasError(f"none of the {tried} networks that were tried meets {conditions}")
