r"""Builds the shipped file of benchmark problems: frozen columns, points and fronts.

    python -m scripts.build.problems
    python -m scripts.build.problems --surrogate nano=surrogates/nano.npz --only nano/u55

Accuracy comes from a table that holds all of a small space where there is one (`pico-v3.h5`), else
from a surrogate. A problem whose columns cannot be had is left out. A problem that was published is
never changed: where the new one differs, its version in the catalogue must have been raised.
"""

import time
from pathlib import Path
from typing import Annotated

import typer

from evonas.benchmark import CATALOGUE, ProblemDefinition
from evonas.benchmark.columns import cost_column
from evonas.benchmark.problem import ProblemValues, make_columns
from evonas.benchmark.solving import solve
from evonas.benchmark.sources import Sources
from evonas.benchmark.store import (
    ColumnRecord,
    ProblemRecord,
    problems_path,
    read_problems,
    write_problems,
)
from evonas.paths import shipped_data
from evonas.space import load_space

TABLES = {"pico": "tables/pico-v3.h5"}
SURROGATES = {"nano": "surrogates/nano-supernet.npz"}


def main(
    only: Annotated[list[str] | None, typer.Option(help="Problems to build anew.")] = None,
    surrogate: Annotated[list[str] | None, typer.Option(help="SPACE=PATH in the data.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of shipped data.")] = None,
    out: Annotated[Path | None, typer.Option(help="By default in the data.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Before the first release only.")] = False,
) -> None:
    """Builds every problem, or some, and says what became of each."""
    folder = data or shipped_data()
    if unknown := set(only or []) - {definition.name for definition in CATALOGUE}:
        raise typer.BadParameter(f"--only: no problem is called {', '.join(sorted(unknown))}")
    if not all("=" in entry for entry in surrogate or []):
        raise typer.BadParameter("--surrogate must be SPACE=PATH")
    given = dict(entry.split("=", 1) for entry in surrogate or [])
    sources = Sources(folder, SURROGATES | given, TABLES)
    path = out or problems_path(folder)
    columns, problems = read_problems(path) if path.exists() else ({}, {})
    columns, published = {space: dict(c) for space, c in columns.items()}, dict(problems)
    built: dict[str, ProblemRecord] = {}
    for definition in CATALOGUE:
        if only and definition.name not in only:
            if definition.name in published:
                built[definition.name] = published[definition.name]
            continue
        record = _build(definition, sources, columns)
        if record is None:
            typer.echo(f"{definition.name}: left out, a column is missing")
            continue
        _refuse_silent_change(definition, record, published, overwrite)
        built[definition.name] = record
    write_problems(path, columns, built)
    typer.echo(f"{path}: {len(built)} problems, {path.stat().st_size / 1e6:.2f} MB")


def _build(
    definition: ProblemDefinition,
    sources: Sources,
    columns: dict[str, dict[str, ColumnRecord]],
) -> ProblemRecord | None:
    began = time.perf_counter()
    space = load_space(definition.space)
    own = columns.setdefault(space.name, {})
    for name in definition.columns:
        if cost_column(space, name) is None:
            found = sources.column(space, name)
            if found is None:
                return None
            own[name] = found
    used = {name: own[name] for name in definition.columns if name in own}
    values = ProblemValues(definition, make_columns(definition, used, sources.data))
    record = solve(definition, values, used)
    exact = "exact" if record.exact else "best known"
    typer.echo(
        f"{definition.name}: {exact} front of {record.size} by {record.method}, volume "
        f"{record.volume:.4f}, {time.perf_counter() - began:.1f} s"
    )
    return record


def _refuse_silent_change(
    definition: ProblemDefinition,
    record: ProblemRecord,
    published: dict[str, ProblemRecord],
    overwrite: bool,
) -> None:
    before = published.get(definition.name)
    same_version = before is not None and before.version == record.version
    if before and same_version and before.checksum != record.checksum and not overwrite:
        raise typer.BadParameter(
            f"{definition.name} would change from {before.checksum} to {record.checksum}: raise "
            "its version in evonas/benchmark/catalogue.py"
        )


if __name__ == "__main__":
    typer.run(main)
