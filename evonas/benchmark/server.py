"""A problem for other languages: one JSON object a line in, one out.

    {"do": "describe"}
    {"do": "sample", "n": 3, "seed": 0}
    {"do": "evaluate", "genotypes": [[0, 1, ...], ...]}
    {"do": "judge", "genotypes": [[0, 1, ...], ...]}

`evaluate` answers what a search sees, `judge` the true values and the hypervolume over that of the
front. A request that cannot be answered gets {"error": "..."} and the server goes on.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from evonas.benchmark.problem import BenchmarkProblem
from evonas.errors import ConfigurationError, EvonasError, unknown_name
from evonas.search.constraints import total_violation
from evonas.space import Genotypes

Reply = dict[str, Any]

_MOST = 100_000


def serve(problem: BenchmarkProblem, requests: Iterable[str]) -> Iterator[str]:
    """Yields an answer to each line; empty lines have none."""
    return (_answer(problem, line) for line in requests if line.strip())


def _answer(problem: BenchmarkProblem, line: str) -> str:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise ConfigurationError("a request is a JSON object")
        what = str(request.get("do"))
        if what not in _ANSWERS:
            raise unknown_name("request", what, _ANSWERS)
        return json.dumps(_ANSWERS[what](problem, request))
    except (ValueError, RecursionError) as error:
        return json.dumps({"error": f"not JSON: {error}"})
    except EvonasError as error:
        return json.dumps({"error": str(error)})


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
        "hypervolume_error": problem.hypervolume_error,
    }


def _sample(problem: BenchmarkProblem, request: Reply) -> Reply:
    n, seed = request.get("n", 1), request.get("seed", 0)
    if not (isinstance(n, int) and 0 < n <= _MOST and isinstance(seed, int) and seed >= 0):
        raise ConfigurationError(f"n must be 1 to {_MOST} and seed at least 0")
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


def _genotypes(problem: BenchmarkProblem, request: Reply) -> Genotypes:
    try:
        given = np.array(request["genotypes"])
    except (KeyError, ValueError):
        raise ConfigurationError("'genotypes' must be a list of equally long lists") from None
    return problem.space.check(given)


_ANSWERS: dict[str, Callable[[BenchmarkProblem, Reply], Reply]] = {
    "describe": describe,
    "sample": _sample,
    "evaluate": _evaluate,
    "judge": _judge,
}
