"""What is searched for."""

from collections.abc import Iterable
from dataclasses import dataclass

from evonas.errors import ConfigurationError
from evonas.objectives import Objective, load_objective
from evonas.scoring.analytic import is_analytic
from evonas.search.constraints import Constraint, parse_constraints
from evonas.space import SearchSpace, load_space
from evonas.space.costs import COSTS


@dataclass(frozen=True, slots=True)
class SearchSpec:
    """What is searched for.

    Attributes:
        space: Where.
        objectives: What shall be good.
        constraints: What must hold.
    """

    space: SearchSpace
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns that matter, and the costs."""
        names = [objective.name for objective in self.objectives]
        names += [constraint.column for constraint in self.constraints]
        return tuple(dict.fromkeys([*names, *COSTS]))

    @property
    def scored(self) -> tuple[str, ...]:
        """Names of the columns that only a scorer or a table can give."""
        return tuple(name for name in self.columns if not is_analytic(name))


def make_spec(
    space: SearchSpace | str, objectives: Iterable[str], where: Iterable[str]
) -> SearchSpec:
    """Reads what is searched for.

    Raises:
        ConfigurationError: An unknown space or objective, or not a constraint.
    """
    names = list(objectives)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ConfigurationError(f"objectives {names}: at least two different ones are needed")
    return SearchSpec(
        load_space(space) if isinstance(space, str) else space,
        tuple(load_objective(name) for name in names),
        parse_constraints(where),
    )
