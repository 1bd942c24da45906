"""Searches that the app starts: a folder each, a process each, two of them at once."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from app.searches.allowed import MOST_SEEDS, check
from app.searches.folder import PROGRESS, RECORD, REQUEST, list_searches, load
from app.searches.request import Request
from app.shared import background as process
from app.shared.runs import PLACES, new_folder, remove_folder
from app.shared.settings import RUNS, refuse_if_read_only
from evonas.errors import ConfigurationError
from evonas.files import write_atomically

MOST_ALIVE = 24  # searches that run or wait for a place


def with_seeds(request: Request, algorithms: Sequence[str], seeds: int) -> list[Request]:
    """Returns a request for each algorithm and seed, the request's own seed being the first.

    Raises:
        ConfigurationError: No algorithm, or a number of seeds that is not allowed.

    >>> one = Request("cheap", "nano", ("params", "madds"))
    >>> [each.name for each in with_seeds(one, ["nsga2", "random"], 2)]
    ['cheap-nsga2-s0', 'cheap-random-s0', 'cheap-nsga2-s1', 'cheap-random-s1']
    """
    if not algorithms:
        raise ConfigurationError("no algorithm is chosen; at least one is required")
    if not 1 <= seeds <= MOST_SEEDS:
        raise ConfigurationError(f"seeds is {seeds}; allowed are 1 to {MOST_SEEDS}")
    several, many = len(algorithms) > 1, seeds > 1
    return [
        replace(
            request,
            name=request.name + f"-{algorithm}" * several + f"-s{seed}" * many,
            algorithm=algorithm,
            seed=seed,
        )
        for seed in range(request.seed, request.seed + seeds)
        for algorithm in algorithms
    ]


def start(*requests: Request) -> None:
    """Starts searches in processes of their own, which outlive the app; all of them or none.

    Raises:
        ConfigurationError: Not allowed, a name is taken, or too many run and wait.
    """
    refuse_if_read_only()
    for request in requests:
        check(request)
        new_folder(request.name)
    _refuse_if_too_many(len(requests))
    for request in requests:
        folder = RUNS / request.name
        write_atomically(folder / REQUEST, json.dumps(asdict(request), indent=1).encode())
        process.spawn(folder, request.command(folder), PLACES)


def resume(name: str) -> None:
    """Starts a search that ended early anew; it goes on from the scores in its table.

    Raises:
        ConfigurationError: There is no such search, it is running, or too many are.
    """
    refuse_if_read_only()
    request = load(name).request
    if request is None:
        raise ConfigurationError(f"{name} was not started here; start it where it was")
    check(request)
    _refuse_if_too_many(1)
    for file in (RECORD, PROGRESS):
        (RUNS / name / file).unlink(missing_ok=True)
    process.spawn(RUNS / name, request.command(RUNS / name), PLACES)


def stop(name: str) -> None:
    """Ends a search; every score that it has acknowledged stays in its table.

    Raises:
        ConfigurationError: There is no such search.
    """
    refuse_if_read_only()
    process.end(RUNS / load(name).name)


def remove(name: str) -> None:
    """Removes a search that does not run: its folder with front, log and table.

    Raises:
        ConfigurationError: There is no such search, it runs, or its folder is a link.
    """
    refuse_if_read_only()
    remove_folder(RUNS / load(name).name)


def _refuse_if_too_many(more: int) -> None:
    alive = sum(process.is_alive(RUNS / name) for name in list_searches())
    if alive + more > MOST_ALIVE:
        raise ConfigurationError(
            f"{alive} searches run or wait; at most {MOST_ALIVE} may, so {more} more are too many"
        )
