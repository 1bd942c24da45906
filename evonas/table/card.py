"""What a table's data card says of a column."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.table.columns import column_objective, direction_of


def column_card(
    name: str, space: str, provenance: Mapping[str, str], values: NDArray[np.float64]
) -> dict[str, Any]:
    """Returns unit, direction, source, filling, range and provenance of a column.

    Args:
        name: The column's name.
        space: The space of its rows.
        provenance: What its values depend on.
        values: (n,) NaN where missing.
    """
    objective = column_objective(name, provenance)
    filled = values[~np.isnan(values)]
    return {
        "name": name,
        "space": space,
        "unit": objective.unit if objective else provenance.get("unit", ""),
        "direction": direction_of(objective),
        "source": provenance.get("source", ""),
        "filled": len(filled),
        "min": float(filled.min()) if len(filled) else None,
        "max": float(filled.max()) if len(filled) else None,
        "provenance": dict(provenance),
    }
