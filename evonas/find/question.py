"""What can be said of a question before anything is written or measured."""

from evonas.data import list_splits
from evonas.errors import ConfigurationError, DataError
from evonas.find.spec import FindSpec
from evonas.latency import load_device
from evonas.objectives import BY_SIZE
from evonas.scoring.analytic import is_analytic
from evonas.search.constraints import parse_constraints
from evonas.space import load_space
from evonas.space.costs import COSTS
from evonas.space.memory import MEMORY
from evonas.training.recipes import SUPERNET_RECIPES, load_recipe

_SCORED = ("map", "map50", *BY_SIZE)  # what a supernet's scores have


def check_question(spec: FindSpec) -> None:
    """Refuses a question that a later stage could not answer, which may be hours away.

    Raises:
        ConfigurationError: An unknown device, column, recipe or space, or a bad condition.
        DataError: No data set is there.
    """
    load_device(spec.device)
    for constraint in parse_constraints(spec.conditions()):
        for column in constraint.columns:
            _check_column(column)
    load_recipe("nano", spec.changes, SUPERNET_RECIPES)
    load_recipe(spec.recipe, spec.changes)
    if spec.space:
        load_space(spec.space)
    if not list_splits(spec.data):
        raise DataError(
            f"{spec.data}: no COCO-format folder; `evonas data convert` makes one of other formats"
        )


def _check_column(column: str) -> None:
    _, _, device = column.partition(":")
    if device and is_analytic(column):
        load_device(device)
    elif column not in (*COSTS, *MEMORY, *_SCORED):
        known = ", ".join((*_SCORED, *COSTS, *MEMORY))
        raise ConfigurationError(
            f"a condition names {column!r}; allowed are {known}, latency, latency:DEVICE, "
            "latency_upper:DEVICE and fits:DEVICE"
        )
