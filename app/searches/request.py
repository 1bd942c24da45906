"""What a search is asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from app.shared.settings import find_data
from evonas.errors import EvonasError
from evonas.search import SearchSpec, make_spec

NOTHING_SCORED = "none needed"


@dataclass(frozen=True, slots=True)
class Request:
    """What a search is asked to do; see the options of `evonas search`.

    `data` is a name that `find_data` knows, or empty where no image has to be looked at; `table`
    the name of a shipped table for the scorer of that name.
    """

    name: str
    space: str
    objectives: tuple[str, ...]
    where: tuple[str, ...] = ()
    algorithm: str = str(SearchSpec.algorithm)
    population: int = SearchSpec.population
    generations: int = SearchSpec.generations
    seed: int = SearchSpec.seed
    data: str = ""
    scorer: str = "supernet"
    table: str = ""

    def spec(self) -> SearchSpec:
        """Returns what `evonas search` makes of it.

        Raises:
            ConfigurationError: A name or number that is not allowed.
        """
        return make_spec(
            self.space,
            self.objectives,
            self.where,
            self.algorithm,
            self.population,
            self.generations,
            self.seed,
        )

    @property
    def evaluations(self) -> int:
        """How many networks it may evaluate."""
        return self.population * self.generations

    @property
    def question(self) -> str:
        """What is asked, in one line: space, objectives, budgets."""
        bounds = f" where {' and '.join(self.where)}" if self.where else ""
        return f"{self.space}: {', '.join(self.objectives)}{bounds}"

    @property
    def scored_by(self) -> str:
        """The scorer, or that none is needed."""
        try:
            needed = bool(self.spec().scored)
        except EvonasError:
            needed = True
        return self.scorer if needed else NOTHING_SCORED

    def command(self, out: Path) -> list[str]:
        """Returns the arguments of `evonas` that run it."""
        arguments = ["search", f"--objectives={','.join(self.objectives)}"]
        arguments += [f"--where={constraint}" for constraint in self.where]
        for option in ("space", "algorithm", "population", "generations", "seed", "scorer"):
            arguments.append(f"--{option}={getattr(self, option)}")
        if self.data:
            arguments.append(f"--data={find_data()[self.data]}")
        if self.table:
            arguments.append(f"--table={self.table}")
        return [*arguments, f"--out={out}"]


def read_request(found: Mapping[str, Any], name: str = "") -> Request | None:
    """Returns the request of a file's values, whatever else they hold; None if they are none.

    Args:
        found: A `search.json`, or the settings of a `run.json`.
        name: Of the search, where the values have none.
    """
    known = {field.name: found[field.name] for field in fields(Request) if field.name in found}
    known = {"name": name} | known | {key: known.get(key) or "" for key in ("data", "table")}
    try:
        lists = {key: tuple(map(str, known[key])) for key in ("objectives", "where")}
        request = Request(**{**known, **lists})
        for number in ("population", "generations", "seed"):
            int(getattr(request, number))
    except (KeyError, TypeError, ValueError):
        return None
    words = (request.name, request.space, request.algorithm, request.scorer)
    return request if all(isinstance(word, str) for word in words) else None
