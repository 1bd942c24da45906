"""What can be said of a question before anything is written or measured."""

from evonas.data import list_splits
from evonas.errors import ConfigurationError, DataError
from evonas.find.spec import PLANNED, FindSpec
from evonas.latency import list_predictors, load_device
from evonas.objectives import BY_SIZE
from evonas.scoring.analytic import is_analytic
from evonas.search.constraints import parse_constraints
from evonas.search.possible import check_possible
from evonas.space import load_space
from evonas.space.costs import COSTS
from evonas.space.memory import MEMORY
from evonas.training.recipes import changed_fields, load_recipe, load_supernet_recipe

_SCORED = ("map", "map50", *BY_SIZE)  # what a supernet's scores have
_ASKED = ("compiler", "measured")  # sources of devices that can be asked here


def is_asked(device: str) -> bool:
    """Returns whether a device can be asked here about networks of any space.

    Raises:
        ConfigurationError: No device has the name.
    """
    return load_device(device).source in _ASKED


def check_question(spec: FindSpec) -> None:
    """Refuses a question that a later stage could not answer, which may be hours away.

    Raises:
        ConfigurationError: An unknown device, column, recipe or space, or a bad condition.
        DataError: No data set is there.
    """
    predicted = set(list_predictors(load_space(spec.space) if spec.space else None))
    if is_asked(spec.device):
        predicted.add(spec.device)
    _check_device(spec.device, predicted)
    constraints = parse_constraints(spec.conditions())
    for constraint in constraints:
        for column in constraint.columns:
            _check_column(column, predicted)
    check_possible(constraints)
    _check_changes(spec.changes)
    load_supernet_recipe(spec.supernet_recipe, spec.supernet_changes)
    load_recipe(spec.recipe, spec.training_changes)
    if not list_splits(spec.data):
        raise DataError(
            f"{spec.data}: no COCO-format folder; `evonas data convert` makes one of other formats"
        )


def _check_changes(changes: tuple[str, ...]) -> None:
    planned = sorted(changed_fields(changes).intersection(PLANNED))
    if planned:
        raise ConfigurationError(
            f"change of the recipe {planned[0]!r}: steps follow from the hours, warm-up from the "
            "steps; any other field may be changed"
        )


def _check_device(name: str, predicted: set[str]) -> None:
    device = load_device(name)
    if name not in predicted:
        raise ConfigurationError(
            f"device {name!r} is {device.source}: it cannot be asked here and no predictor of it "
            f"is at hand; allowed are {', '.join(sorted(predicted))}"
        )


def _check_column(column: str, predicted: set[str]) -> None:
    _, _, device = column.partition(":")
    if device and is_analytic(column):
        _check_device(device, predicted)
    elif column not in (*COSTS, *MEMORY, *_SCORED):
        known = ", ".join((*_SCORED, *COSTS, *MEMORY))
        raise ConfigurationError(
            f"a condition names {column!r}; allowed are {known}, latency, latency:DEVICE, "
            "latency_upper:DEVICE and fits:DEVICE"
        )
