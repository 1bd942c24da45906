"""Values as JSON can say them."""

from collections.abc import Mapping
from math import isfinite
from typing import Any


def without_nan(value: Any) -> Any:
    """Returns a value with None for each NaN and infinity in it, which JSON lacks.

    >>> without_nan({"map": float("nan"), "sides": (1.0, float("inf"))})
    {'map': None, 'sides': [1.0, None]}
    """
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: without_nan(entry) for key, entry in value.items()}
    return [without_nan(entry) for entry in value] if isinstance(value, list | tuple) else value
