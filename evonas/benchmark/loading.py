"""The shipped problems by name: those of the catalogue, and those over trained tables."""

from functools import partial
from pathlib import Path

from evonas.benchmark.catalogue import CATALOGUE
from evonas.benchmark.columns import Predicted
from evonas.benchmark.definition import ProblemDefinition
from evonas.benchmark.problem import BenchmarkProblem, ProblemValues, make_columns
from evonas.benchmark.store import ProblemRecord, check_record, problems_path, read_problems
from evonas.benchmark.trained import available, load_trained
from evonas.errors import unknown_name
from evonas.paths import shipped_data


def list_problems(folder: Path | str | None = None) -> list[str]:
    """Returns the names of the shipped problems, in the order of the catalogue."""
    data = Path(folder) if folder else shipped_data()
    found: list[ProblemDefinition] = [definition for definition, _ in _catalogued(data)]
    return [definition.name for definition in (*found, *available(data))]


def list_records(
    folder: Path | str | None = None,
) -> list[tuple[ProblemDefinition, ProblemRecord]]:
    """Returns what the shipped problems are and how they were solved, without their columns.

    Args:
        folder: Folder of shipped data; the installation's if None.
    """
    data = Path(folder) if folder else shipped_data()
    trained = [(entry, load_trained(entry, folder=data).record) for entry in available(data)]
    return [*_catalogued(data), *trained]


def _catalogued(data: Path) -> list[tuple[ProblemDefinition, ProblemRecord]]:
    path = problems_path(data)
    shipped = read_problems(path)[1] if path.exists() else {}
    return [(entry, shipped[entry.name]) for entry in CATALOGUE if entry.name in shipped]


def load_problem(name: str, seed: int = 0, folder: Path | str | None = None) -> BenchmarkProblem:
    """Returns the problem of that name.

    Args:
        name: One of `list_problems()`.
        seed: Seed of what a noisy problem shows; it changes nothing else.
        folder: Folder of shipped data; the installation's if None.

    Raises:
        ConfigurationError: No problem has the name, or the seed is no whole number from 0.
        SchemaError: The shipped data is damaged or of another version.

    >>> import numpy as np
    >>> problem = load_problem("pico/u55")
    >>> problem.evaluate_genotypes(problem.space.sample(3, np.random.default_rng(0))).shape
    (3, 2)
    """
    data = Path(folder) if folder else shipped_data()
    load = partial(_again, folder)
    for trained in available(data):
        if trained.name == name:
            return load_trained(trained, seed, data, load)
    known = list_problems(folder)
    if name not in known:
        raise unknown_name("problem", name, known)
    columns, problems = read_problems(problems_path(data))
    definition = next(d for d in CATALOGUE if d.name == name)
    own = columns.get(definition.space, {})
    used = {column: own[column] for column in definition.columns if column in own}
    check_record(name, definition, problems[name], used)
    made = make_columns(definition, used, data)
    values = ProblemValues(definition, made)
    deviations = {
        n: column.deviations for n, column in made.items() if isinstance(column, Predicted)
    }
    record = problems[name]
    return BenchmarkProblem(definition, values, record, seed, load, deviations=deviations)


def _again(folder: Path | str | None, name: str, seed: int) -> BenchmarkProblem:
    return load_problem(name, seed, folder)
