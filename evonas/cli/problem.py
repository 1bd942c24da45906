"""`evonas problem`: the benchmark's problems."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.options import seed_option
from evonas.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from evonas.benchmark import BenchmarkProblem, ProblemDefinition
    from evonas.benchmark.difficulties import Difficulty
    from evonas.benchmark.store import ProblemRecord

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the problem, for example pico/u55.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the problems."""
    from evonas.benchmark.loading import list_records

    problems = list_records()
    if as_json:
        print_json({"problems": [_summary(*problem) for problem in problems]})
        return
    print_table(
        ["problem", "objectives", "constraints", "noise", "front", "points", "version"],
        [
            [
                definition.name,
                str(len(definition.objectives)),
                str(len(definition.spec().constraints) or ""),
                "yes" if definition.noise else "",
                "exact" if record.exact else "best known",
                str(record.size),
                str(record.version),
            ]
            for definition, record in problems
        ],
    )


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a problem: objectives with their points, sources and errors, and how it was solved."""
    from evonas.benchmark import load_problem
    from evonas.benchmark.difficulties import load_difficulty
    from evonas.benchmark.server import describe

    problem = load_problem(name)
    difficulty = load_difficulty(name)
    if as_json:
        print_json(
            {
                **describe(problem),
                "method": problem.record.method,
                "columns": _cards(problem),
                "difficulty": difficulty.as_json() if difficulty else None,
            }
        )
        return
    record = problem.record
    typer.echo(f"{name}, version {record.version}, checksum {record.checksum}")
    typer.echo(
        f"{problem.definition.about} {len(problem.space.genes)} genes of {problem.space.name}."
    )
    cards = _cards(problem)
    rows = [
        [
            objective.name,
            "maximise" if objective.maximise else "minimise",
            objective.unit,
            f"{problem.ideal[i]:.6g}",
            f"{problem.nadir[i]:.6g}",
            cards[objective.name]["source"],
        ]
        for i, objective in enumerate(problem.objectives)
    ]
    print_table(["objective", "", "unit", "ideal", "nadir", "source"], rows)
    for constraint in problem.definition.where:
        typer.echo(f"where {constraint}")
    for noise in problem.definition.noise:
        typer.echo(f"{noise.column} is observed with a standard error {noise.size}")
    exact = "exact" if record.exact else "best known"
    typer.echo(f"front: {exact}, {record.size} points, by {record.method}")
    for column, card in cards.items():
        if card["errors"]:
            errors = ", ".join(f"{key} {value:.4g}" for key, value in card["errors"].items())
            typer.echo(f"{column}: held-out errors: {errors}")
    _tell_trained(problem)
    if difficulty:
        _tell_difficulty(difficulty)


@app.command()
def front(name: Name, as_json: AsJson = False) -> None:
    """Print the shipped front as CSV: arch_id and objectives, by the first one.

    A front of thousands is represented by some of its points. `evonas device measure --front`
    reads it.
    """
    import csv
    import sys

    from evonas.benchmark import load_problem

    problem = load_problem(name)
    names = ["arch_id", *(objective.name for objective in problem.objectives)]
    arch_ids = problem.space.arch_ids(problem.record.genotypes)
    rows = [
        [arch_id, *values]
        for arch_id, values in zip(arch_ids, problem.true_front.tolist(), strict=True)
    ]
    if as_json:
        print_json({"front": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    csv.writer(sys.stdout, lineterminator="\n").writerows([names, *rows])


@app.command()
def serve(name: Name, seed: Annotated[int, seed_option("Seed of the noise.")] = 0) -> None:
    """Answer JSON requests from stdin, one per line, until it ends; see evonas.benchmark.server."""
    import contextlib
    import io
    import sys

    from evonas.benchmark import load_problem
    from evonas.benchmark.server import serve as answers

    problem = load_problem(name, seed)
    # What is no UTF-8 becomes a request that cannot be answered, not the server's end.
    lines = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace")
    with contextlib.suppress(BrokenPipeError):  # who asked has gone
        for answer in answers(problem, lines):
            print(answer, flush=True)


def _tell_trained(problem: "BenchmarkProblem") -> None:
    from evonas.benchmark import TrainedProblem

    if not isinstance(problem, TrainedProblem):
        return
    shares = ", ".join(f"{share:g}" for share in problem.fidelities)
    typer.echo(
        f"fidelities: {shares} of {problem.steps[-1]:,} steps; simulate(workers=) has a clock"
    )
    if len(problem.networks) < problem.whole_size:
        typer.echo(
            f"{len(problem.networks):,} networks of {problem.space.name}; any other genotype "
            "stands for the nearest of them"
        )


def _tell_difficulty(difficulty: "Difficulty") -> None:
    """Prints how hard the problem is; see docs/benchmark.md for the terms."""
    over = "a sample of " if difficulty.sampled else ""
    typer.echo(f"difficulty, over {over}{difficulty.networks:,} networks:")
    print_table(
        ["objective", "main effects", "pairs", "local optima"],
        [
            [name, _share(one.main_effects), _share(one.pairs), _count(one.local_optima)]
            for name, one in difficulty.objectives.items()
        ],
    )
    if difficulty.front_share is not None:
        typer.echo(
            f"on the front: {difficulty.front_share:.2%} of the feasible networks; "
            f"{difficulty.pareto_optima} are dominated by none of their neighbours"
        )
    if difficulty.to_99:
        reached = ", ".join(
            f"{algorithm} {n:g}" if n != float("inf") else f"{algorithm} not in {most:,}"
            for (algorithm, n), most in zip(
                difficulty.to_99.items(), difficulty.evaluations.values(), strict=True
            )
        )
        typer.echo(
            f"evaluations to 99 % of the front's hypervolume, median of {difficulty.seeds} "
            f"seeds: {reached}"
        )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def _summary(definition: "ProblemDefinition", record: "ProblemRecord") -> dict[str, Any]:
    return {
        "name": definition.name,
        "objectives": list(definition.objectives),
        "where": list(definition.where),
        "noisy": [noise.column for noise in definition.noise],
        "exact": record.exact,
        "front_size": record.size,
        "version": record.version,
        "checksum": record.checksum,
    }


def _cards(problem: "BenchmarkProblem") -> dict[str, dict[str, Any]]:
    """Returns source and errors of every column."""
    from evonas.benchmark import TrainedProblem

    if isinstance(problem, TrainedProblem):
        return {name: {"source": s, "errors": {}} for name, s in problem.sources.items()}
    from evonas.benchmark.store import problems_path, read_problems

    frozen = read_problems(problems_path())[0].get(problem.space.name, {})
    return {
        name: (
            {"source": frozen[name].source, "errors": dict(frozen[name].errors)}
            if name in frozen
            else {"source": "analytic", "errors": {}}
        )
        for name in problem.definition.columns
    }
