"""A problem for other languages: one JSON object a line in, one out.

    {"do": "describe"}
    {"do": "sample", "n": 3, "seed": 0}
    {"do": "evaluate", "genotypes": [[0, 1, ...], ...]}
    {"do": "judge", "genotypes": [[0, 1, ...], ...]}
    {"do": "uncertainty", "genotypes": [[0, 1, ...], ...]}

`evaluate` answers what a search sees, `judge` the true values and the hypervolume over that of the
front, `uncertainty` the standard deviations of single trainings around the true values. A request
that cannot be answered gets {"error": "..."} and the server goes on.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from evonas.benchmark.problem import BenchmarkProblem
from evonas.errors import ConfigurationError, EvonasError, unknown_name
from evonas.json_values import without_nan
from evonas.limits import MAX_INTEGER, parse_json, printable
from evonas.search.constraints import total_violation
from evonas.space import Genotypes

Reply = dict[str, Any]

_MOST = 100_000  # genotypes of one request
_MOST_CHARACTERS = 64_000_000


def serve(problem: BenchmarkProblem, requests: Iterable[str]) -> Iterator[str]:
    """Yields an answer to each line; empty lines have none."""
    return (_answer(problem, line) for line in requests if line.strip())


def _answer(problem: BenchmarkProblem, line: str) -> str:
    try:
        request = _request(line)
        what = request.get("do")
        if not isinstance(what, str) or what not in _ANSWERS:
            raise unknown_name("request", printable(what, 40), _ANSWERS)
        return json.dumps(without_nan(_ANSWERS[what](problem, request)))
    except EvonasError as error:
        return json.dumps({"error": str(error)})
    except (ArithmeticError, ValueError, TypeError, MemoryError, RecursionError) as error:
        # NumPy's word on values that no check has foreseen: the next request is answered.
        return json.dumps({"error": f"cannot be answered: {printable(error)}"})


def _request(line: str) -> Reply:
    if len(line) > _MOST_CHARACTERS:
        raise ConfigurationError(f"a request has at most {_MOST_CHARACTERS:,} characters")
    request = parse_json(line, "request", ConfigurationError)
    if not isinstance(request, dict):
        raise ConfigurationError("a request is a JSON object")
    return request


def describe(problem: BenchmarkProblem, _: Reply | None = None) -> Reply:
    """Returns what a search must know, and the points by which it is judged."""
    sizes, names = problem.space.gene_sizes.tolist(), problem.space.gene_names
    return {
        "problem": problem.definition.name,
        "about": problem.definition.about,
        "version": problem.record.version,
        "checksum": problem.record.checksum,
        "space": problem.space.name,
        "genes": [{"name": n, "size": s} for n, s in zip(names, sizes, strict=True)],
        "objectives": [
            {"name": o.name, "unit": o.unit, "maximise": o.maximise} for o in problem.objectives
        ],
        "where": list(problem.definition.where),
        "noisy": [noise.column for noise in problem.definition.noise],
        "ideal": problem.ideal.tolist(),
        "nadir": problem.nadir.tolist(),
        "reference_point": problem.reference_point.tolist(),
        "exact": problem.record.exact,
        "front_size": problem.record.size,
    }


def _sample(problem: BenchmarkProblem, request: Reply) -> Reply:
    n, seed = request.get("n", 1), request.get("seed", 0)
    if not (type(n) is int and 0 < n <= _MOST and type(seed) is int and seed >= 0):
        raise ConfigurationError(
            f"n must be an integer from 1 to {_MOST:,} and seed one from 0 to {MAX_INTEGER}"
        )
    return {"genotypes": problem.space.sample(n, np.random.default_rng(seed)).tolist()}


def _evaluate(problem: BenchmarkProblem, request: Reply) -> Reply:
    values, violated = problem.observe(_genotypes(problem, request))
    return {"values": values.tolist(), "violation": total_violation(violated).tolist()}


def _judge(problem: BenchmarkProblem, request: Reply) -> Reply:
    genotypes = _genotypes(problem, request)
    values, feasible = problem.evaluate_genotypes(genotypes), problem.is_feasible(genotypes)
    return {
        "values": values.tolist(),
        "feasible": feasible.tolist(),
        "hypervolume": problem.hypervolume(values, feasible),
    }


def _uncertainty(problem: BenchmarkProblem, request: Reply) -> Reply:
    return {"deviations": problem.uncertainty(_genotypes(problem, request)).tolist()}


def _genotypes(problem: BenchmarkProblem, request: Reply) -> Genotypes:
    rows = request.get("genotypes")
    if not (
        isinstance(rows, list)
        and 0 < len(rows) <= _MOST
        and all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows)
    ):
        raise ConfigurationError(f"'genotypes' must be a list of 1 to {_MOST:,} equally long lists")
    if any(type(gene) not in (int, float) for row in rows for gene in row):
        raise ConfigurationError("'genotypes': whole numbers are allowed")
    return problem.space.check(np.array(rows))


_ANSWERS: dict[str, Callable[[BenchmarkProblem, Reply], Reply]] = {
    "describe": describe,
    "sample": _sample,
    "evaluate": _evaluate,
    "judge": _judge,
    "uncertainty": _uncertainty,
}
