"""What a problem is: definition, front, difficulty, as rows and words."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from evonas.benchmark import BenchmarkProblem, ProblemDefinition, load_problem
from evonas.benchmark.difficulties import Difficulty
from evonas.benchmark.store import ProblemRecord, problems_path, read_problems
from evonas.figures.fronts import FrontLine, front_line
from evonas.objectives import Objective

Problem = tuple[ProblemDefinition, ProblemRecord]


@st.cache_resource(max_entries=8, show_spinner="reading the problem")
def read_problem(name: str, changed: int) -> BenchmarkProblem:
    """Returns a problem; shared by all sessions, so for reading only.

    Args:
        name: Of the problem.
        changed: When the file of problems was last changed.
    """
    return load_problem(name)


def problem_of(name: str) -> BenchmarkProblem:
    """Returns a problem as it is shipped now.

    Raises:
        EvonasError: There is none of that name, or its data is damaged.
    """
    return read_problem(name, problems_path().stat().st_mtime_ns)


def problem_rows(problems: Sequence[Problem]) -> dict[str, list[Any]]:
    """Returns all problems as columns."""
    return {
        "problem": [definition.name for definition, _ in problems],
        "objectives": [", ".join(definition.objectives) for definition, _ in problems],
        "constraints": [" and ".join(definition.where) for definition, _ in problems],
        "noise": ["yes" if definition.noise else "" for definition, _ in problems],
        "front": ["exact" if record.exact else "best known" for _, record in problems],
        "points": [record.size for _, record in problems],
        "version": [record.version for _, record in problems],
        "what it is about": [definition.about for definition, _ in problems],
    }


def objective_rows(problem: BenchmarkProblem) -> list[dict[str, Any]]:
    """Returns the columns of a problem with unit, points, source and error."""
    frozen = read_problems(problems_path())[0].get(problem.space.name, {})
    rows = []
    for i, objective in enumerate(problem.objectives):
        card = frozen.get(objective.name)
        errors = card.errors if card else {}
        rows.append(
            {
                "objective": objective.name,
                "": "maximise" if objective.maximise else "minimise",
                "unit": objective.unit,
                "ideal": float(problem.ideal[i]),
                "nadir": float(problem.nadir[i]),
                "reference point": float(problem.reference_point[i]),
                "source": card.source if card else "analytic",
                "error": ", ".join(f"{key} {value:.4g}" for key, value in errors.items()),
            }
        )
    return rows


def conditions(problem: BenchmarkProblem) -> list[str]:
    """Returns in words what holds beside the objectives: constraints, noise, how it was solved."""
    record, words = problem.record, []
    words += [f"Every network must meet `{constraint}`." for constraint in problem.definition.where]
    for noise in problem.definition.noise:
        words.append(
            f"`{noise.column}` is seen with a standard error {noise.size}; a search is "
            "judged on true values."
        )
    exact = "exact" if record.exact else "the best known"
    words.append(f"Its front is {exact}: {record.size:,} points; method: {record.method}.")
    words.append(f"Version {record.version}, checksum `{record.checksum}`.")
    return words


def problem_front(problem: BenchmarkProblem, axes: tuple[Objective, Objective]) -> FrontLine:
    """Returns the shipped front in two of its objectives."""
    names = [objective.name for objective in problem.objectives]
    points = problem.true_front[:, [names.index(axis.name) for axis in axes]]
    ids = problem.space.arch_ids(problem.record.genotypes)
    known = "the front" if problem.record.exact else "the best known front"
    return front_line(known, known, points, ids, axes)


def difficulty_rows(found: Difficulty) -> list[dict[str, Any]]:
    """Returns what is known of each objective's landscape."""
    return [
        {
            "objective": name,
            "genes alone explain": one.main_effects,
            "genes and pairs explain": one.pairs,
            "local optima": one.local_optima,
        }
        for name, one in found.objectives.items()
    ]
