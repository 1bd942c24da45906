"""`ProblemDefinition`: what a benchmark problem is, as plain data."""

from dataclasses import dataclass, replace
from typing import Literal

from evonas.definitions import Layout, definition
from evonas.objectives import Objective, load_objective
from evonas.search.constraints import parse_constraints
from evonas.search.spec import SearchSpec
from evonas.space import load_space


@dataclass(frozen=True, slots=True)
class Noise:
    """What a search sees of a column: the true value and a normal error.

    A network has one error for each seed of the problem: asked twice, it tells the same.

    Attributes:
        column: Name of the column.
        deviation: Standard deviation, in the column's unit, or of the value if `relative`;
            "surrogate" is each network's own, that of the surrogate which predicts the column.
        relative: Whether the error is a fraction of the true value.
    """

    column: str
    deviation: float | Literal["surrogate"]
    relative: bool = False

    @property
    def size(self) -> str:
        """How large the error is, in words that follow `error`."""
        if self.deviation == "surrogate":
            return "that its surrogate says"
        return f"of {self.deviation:g} {'of the value' if self.relative else 'in its unit'}"


@dataclass(frozen=True, slots=True)
class ProblemDefinition:
    """One problem.

    Attributes:
        name: `SPACE/WHAT`.
        objectives: Columns.
        about: One sentence on what makes it worth solving.
        maximise: Columns that are maximised here though they are costs elsewhere: capacity.
        where: Constraints, for example `params <= 1e5`.
        noise: What a search sees inexactly; it is judged on the true values.
        version: Raised whenever anything about the problem changes, its data included.
    """

    name: str
    objectives: tuple[str, ...]
    about: str
    maximise: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    noise: tuple[Noise, ...] = ()
    version: int = 1

    @property
    def space(self) -> str:
        """Name of the space."""
        return self.name.partition("/")[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it needs."""
        bounded = [name for c in parse_constraints(self.where) for name in c.columns]
        return tuple(dict.fromkeys([*self.objectives, *bounded]))

    def definition(self) -> str:
        """Returns it as text, of which a problem's checksum is a hash."""
        return definition(self, _VERSION_1)

    def spec(self) -> SearchSpec:
        """Returns what a search on it is asked for."""
        return SearchSpec(
            load_space(self.space),
            tuple(self._objective(name) for name in self.objectives),
            parse_constraints(self.where),
        )

    def _objective(self, name: str) -> Objective:
        objective = load_objective(name)
        return replace(objective, maximise=True) if name in self.maximise else objective


_VERSION_1: Layout = {
    Noise: ("Noise", ("column", "deviation", "relative")),
    ProblemDefinition: (
        "ProblemDefinition",
        ("name", "objectives", "about", "maximise", "where", "noise", "version"),
    ),
}
