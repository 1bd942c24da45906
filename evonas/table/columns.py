"""What a column's name says: quantity, device or seed, data set, step.

A name is `QUANTITY[:DEVICE or SEED][@LABEL][#STEP]`: `map`, `latency:ethos-u55-256`,
`trained_map:2` (the third seed), `map@street` (on another data set, or by another predictor),
`trained_map#400` (a point of a training curve, after 400 steps).
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from evonas.errors import ConfigurationError, DataError
from evonas.objectives import Objective, load_objective

NAME = re.compile(
    r"(?P<quantity>[A-Za-z_][A-Za-z0-9_.-]*)(?P<of>:[a-z0-9][a-z0-9-]*)?"
    r"(?P<label>@[A-Za-z0-9_.-]+)?(?P<step>#[0-9]+)?"
)
MOST_CHARACTERS = 100  # of a name
# Quantities that the package, or a user in its manner, writes beside the objectives.
_FURTHER = (
    (re.compile(r"(trained_)?map([0-9]+|_[a-z0-9]+)*"), "AP", True),
    (re.compile(r"([a-z0-9_]+_)?seconds"), "s", False),
    (re.compile(r"latency|measured"), "ms", False),
)
DIRECTIONS = {"min": False, "max": True}


def check_name(name: str) -> None:
    """Refuses a name that is not well-formed.

    Raises:
        DataError: It is not.
    """
    fits = isinstance(name, str) and len(name) <= MOST_CHARACTERS and NAME.fullmatch(name)
    if not fits or name in ("and", "or", "not", "arch_id"):
        raise DataError(
            f"column name {str(name)[:MOST_CHARACTERS]!r}: allowed are "
            f"QUANTITY[:DEVICE or SEED][@LABEL][#STEP] of up to {MOST_CHARACTERS} characters, for "
            "example 'map', 'latency:cpu-xnnpack', 'trained_map:1', 'map@street', 'trained_map#400'"
        )


def column_objective(name: str, provenance: Mapping[str, str]) -> Objective | None:
    """Returns a column's unit and direction; None if neither its name nor its provenance tells.

    Args:
        name: The column's name.
        provenance: What its values depend on; `unit` and `direction` (`min` or `max`) in it say
            what a quantity of the user's own is.

    >>> column_objective("map@street", {}).maximise
    True
    >>> column_objective("energy", {"unit": "mJ", "direction": "min"}).unit
    'mJ'
    """
    known = named_objective(name)
    if known is None and provenance.get("direction") in DIRECTIONS:
        return Objective(name, provenance.get("unit", ""), DIRECTIONS[provenance["direction"]])
    return known


def named_objective(name: str) -> Objective | None:
    """Returns the unit and direction that a column's name tells; None if it tells neither.

    >>> named_objective("map_small@street").unit
    'AP'
    """
    found = NAME.fullmatch(name)
    if not found:
        return None
    quantity, of = found["quantity"], found["of"] or ""
    try:
        # The number of a seed names no device.
        return replace(load_objective(quantity + ("" if of[1:].isdigit() else of)), name=name)
    except ConfigurationError:
        pass
    for pattern, unit, maximise in _FURTHER:
        if pattern.fullmatch(quantity):
            return Objective(name, unit, maximise)
    return None


def direction_of(objective: Objective | None) -> str:
    """Returns `min`, `max`, or nothing where it is not known."""
    return "" if objective is None else "max" if objective.maximise else "min"


def curve_steps(names: list[str], column: str) -> list[int]:
    """Returns the steps, ascending, at which a column's training curve is known.

    >>> curve_steps(["map", "trained_map#200", "trained_map#50", "trained_map"], "trained_map")
    [50, 200]
    """
    prefix = f"{column}#"
    return sorted(int(name.removeprefix(prefix)) for name in names if name.startswith(prefix))
