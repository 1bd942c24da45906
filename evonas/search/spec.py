"""What is searched for, and how."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from evonas.errors import ConfigurationError
from evonas.limits import MAX_POPULATION, check_whole
from evonas.objectives import Objective, load_objective, name_list
from evonas.scoring.analytic import is_analytic, memory_limits
from evonas.search.constraints import Constraint, parse_constraints
from evonas.search.possible import check_possible
from evonas.space import SearchSpace, load_space
from evonas.space.costs import COSTS


@dataclass(frozen=True)  # with slots, `SearchSpec.population` would not be the default
class SearchSpec:
    """What is searched for, and how; the defaults of every search are those of this class.

    Attributes:
        space: Where.
        objectives: What shall be good.
        constraints: What must hold.
        algorithm: A name of `evonas.search.algorithms.ALGORITHMS`, or a class of one's own.
        population: Genotypes evaluated per generation.
        generations: Number of generations, the first one random.
        seed: Seed of all random choices.
    """

    space: SearchSpace
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    algorithm: str | Callable[..., Any] = "nsga2"
    population: int = 24
    generations: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what cannot be run.

        Raises:
            ConfigurationError: Nothing to trade off, or a number out of its range.
        """
        names = [objective.name for objective in self.objectives]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ConfigurationError(
                f"objectives {names}: at least two different ones are required"
            )
        check_whole("population", self.population, 1, MAX_POPULATION)
        check_whole("generations", self.generations, 1)
        check_whole("seed", self.seed)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns that matter, and the costs."""
        names = [objective.name for objective in self.objectives]
        names += [name for constraint in self.constraints for name in constraint.columns]
        return tuple(dict.fromkeys([*names, *COSTS]))

    @property
    def scored(self) -> tuple[str, ...]:
        """Names of the columns that only a scorer or a table can give."""
        return tuple(name for name in self.columns if not is_analytic(name))

    def settings(self) -> dict[str, Any]:
        """Returns it as JSON values, from which `make_spec` makes the same spec again."""
        return {
            "space": self.space.name,
            "objectives": [objective.name for objective in self.objectives],
            "where": [str(constraint.condition) for constraint in self.constraints],
            "algorithm": getattr(self.algorithm, "__name__", self.algorithm),
            "population": self.population,
            "generations": self.generations,
            "seed": self.seed,
        }


def make_spec(
    space: SearchSpace | str,
    objectives: Iterable[str],
    where: Iterable[str] | str = (),
    algorithm: str | Callable[..., Any] = SearchSpec.algorithm,
    population: int = SearchSpec.population,
    generations: int = SearchSpec.generations,
    seed: int = SearchSpec.seed,
) -> SearchSpec:
    """Reads what is searched for.

    Of a device into which some networks do not fit, those that probably do are asked for, unless
    a constraint on `fits:DEVICE` says how surely.

    Args:
        space: The space or its name.
        objectives: Column names.
        where: Constraints or a single one, for example `latency:ethos-u55-256 <= 5`.
        algorithm: See `SearchSpec`, as for all that follow.
        population: Genotypes evaluated per generation.
        generations: Number of generations.
        seed: Seed of all random choices.

    Raises:
        ConfigurationError: An unknown space or objective, not a constraint, one that no network
            meets, or a number out of its range.
    """
    home = space if isinstance(space, SearchSpace) else load_space(space)
    wanted = tuple(load_objective(name) for name in name_list(objectives))
    constraints = parse_constraints(where)
    check_possible(constraints)
    named = [objective.name for objective in wanted]
    named += [name for constraint in constraints for name in constraint.columns]
    return SearchSpec(
        home,
        wanted,
        (*constraints, *parse_constraints(memory_limits(home, named))),
        algorithm,
        population,
        generations,
        seed,
    )
