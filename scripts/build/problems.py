r"""Builds the shipped file of benchmark problems: frozen columns, points and fronts.

    python -m scripts.build.problems
    python -m scripts.build.problems --only nano/u55 --only nano/cpu

Accuracy comes from a table that holds all of a small space where there is one (`pico-v3.h5`), else
from a surrogate of trained AP. Best known fronts take in what was found for the space's other
problems, those that are not built anew included, until that gains nothing. A problem whose columns
cannot be had is left out. A problem that was published is never changed: where the new one differs,
its version in the catalogue must have been raised.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from evonas.benchmark import CATALOGUE, ProblemDefinition
from evonas.benchmark.columns import cost_column
from evonas.benchmark.problem import ProblemValues, make_columns
from evonas.benchmark.solving import Front, best_known, find_front, non_dominated, solved
from evonas.benchmark.sources import Sources
from evonas.benchmark.store import (
    ColumnRecord,
    ProblemRecord,
    problems_path,
    read_problems,
    write_problems,
)
from evonas.paths import shipped_data
from evonas.scoring.scorer import row_keys
from evonas.space import Genotypes, load_space

TABLES = {"pico": "tables/pico-v3.h5"}
SURROGATES = {"nano": "surrogates/nano.npz"}


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
    found: dict[str, Found] = {}
    for definition in CATALOGUE:
        if not only or definition.name in only:
            solution = _solve(definition, sources, columns)
            if solution is None:
                typer.echo(f"{definition.name}: left out, a column is missing")
            else:
                found[definition.name] = solution
    _share(found, published)
    built: dict[str, ProblemRecord] = {}
    for definition in CATALOGUE:
        if definition.name in found:
            record = found[definition.name].record()
            _refuse_silent_change(definition, record, published, overwrite)
            built[definition.name] = record
        elif only and definition.name in published:
            built[definition.name] = published[definition.name]
    write_problems(path, columns, built)
    typer.echo(f"{path}: {len(built)} problems, {path.stat().st_size / 1e6:.2f} MB")


@dataclass(eq=False)
class Found:
    """A problem with its columns and the front that is known so far."""

    definition: ProblemDefinition
    values: ProblemValues
    columns: dict[str, ColumnRecord]
    front: Front

    def record(self) -> ProblemRecord:
        """Returns what is known of its solution."""
        return solved(self.definition, self.values.space, self.columns, self.front)


def _solve(
    definition: ProblemDefinition,
    sources: Sources,
    columns: dict[str, dict[str, ColumnRecord]],
) -> Found | None:
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
    front = find_front(definition, values, used)
    exact = "exact" if front.exact else "best known"
    typer.echo(
        f"{definition.name}: {exact} front of {len(front.values)} by {front.method}, "
        f"{time.perf_counter() - began:.1f} s"
    )
    return Found(definition, values, used, front)


def _share(found: dict[str, Found], published: dict[str, ProblemRecord]) -> None:
    """Lets each searched problem have what was found for the others of its space."""
    searched = [problem for problem in found.values() if not problem.front.exact]
    for space in dict.fromkeys(problem.definition.space for problem in searched):
        own = [problem for problem in searched if problem.definition.space == space]
        pool = [
            record.genotypes
            for name, record in published.items()
            if name.startswith(f"{space}/") and name not in found
        ]
        gained = [1]
        while any(gained):
            everything = np.concatenate([*pool, *(problem.front.genotypes for problem in own)])
            gained = [_gain(problem, np.unique(everything, axis=0)) for problem in own]
            names = [problem.definition.name for problem in own]
            told = ", ".join(f"{n} {name}" for name, n in zip(names, gained, strict=True))
            typer.echo(f"{space}: networks of other problems taken in: {told}")


def _gain(problem: Found, everything: Genotypes) -> int:
    """Takes in networks that belong on the front, and what is near them; returns how many do."""
    before = set(row_keys(problem.front.genotypes))
    definition, values = problem.definition, problem.values
    both = np.concatenate([problem.front.genotypes, everything])
    merged = row_keys(non_dominated(definition, values, both).genotypes)
    gained = len(set(merged) - before)
    if gained:
        problem.front = best_known(definition, values, both)
    return gained


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
