"""A run's result as a row of a benchmark table."""

from typing import Any

import numpy as np

from evonas.errors import DataError, SchemaError
from evonas.retraining.request import Retraining
from evonas.space import Genotypes, SearchSpace
from evonas.table import open_or_create, open_table
from evonas.table.provenance import differing_key
from evonas.training.recipe import describe_recipe


def check_table(request: Retraining, environment: dict[str, Any]) -> None:
    """Finds out before a training whether its table will take the result.

    Raises:
        SchemaError: The table has the column with another provenance, such as another recipe, or
            is damaged.
    """
    if request.table is None or not request.table.exists():
        return
    table, (space, _) = open_table(request.table), _point(request)
    column = _columns(request)[0]
    known = table.provenance(column, space) if space.name in table.spaces else {}
    ours = _provenance(request, environment)
    key = differing_key(known, ours) if known else None
    if key is not None:
        raise SchemaError(
            f"{request.table}: has {column!r} of another {key}: {known.get(key)!r}, and this "
            f"training's is {ours.get(key)!r}; name another --table"
        )


def has_result(request: Retraining) -> bool:
    """Returns whether nothing is left to be kept: the table, if there is one, has the result.

    Raises:
        SchemaError: The table is damaged.
    """
    if request.table is None:
        return True
    if not request.table.exists():
        return False
    table, column = open_table(request.table), _columns(request)[0]
    space, genotypes = _point(request)
    if space.name not in table.spaces or column not in table.columns(space):
        return False
    [value] = table.lookup(genotypes, [column], space)[column]
    return not np.isnan(value)


def keep_result(request: Retraining, environment: dict[str, Any], result: dict[str, Any]) -> None:
    """Adds `trained_map` and `trained_map50` on validation to the request's table, if it has one.

    Seeds other than 0 have columns of their own, `trained_map:SEED`.

    Raises:
        DataError: The table cannot be written.
        SchemaError: It has the column with another provenance, or is damaged.
    """
    if request.table is None:
        return
    space, genotypes = _point(request)
    values = (result["val"]["map"], result["val"]["map50"])
    columns = {
        name: np.array([value], dtype=float)  # None is NaN
        for name, value in zip(_columns(request), values, strict=True)
    }
    try:
        table = open_or_create(request.table)
        table.append(space, genotypes, columns, provenance=_provenance(request, environment))
    except (DataError, SchemaError) as error:
        raise type(error)(
            f"{error}; the run itself is done: with --resume its result goes into the table"
        ) from error


def _columns(request: Retraining) -> tuple[str, str]:
    suffix = f":{request.seed}" if request.seed else ""
    return f"trained_map{suffix}", f"trained_map50{suffix}"


def _provenance(request: Retraining, environment: dict[str, Any]) -> dict[str, str]:
    return {
        "source": "trained",
        "recipe": str(describe_recipe(request.recipe)),
        "init": request.init,
        "seed": str(request.seed),
        "data": environment["data"],
        "torch": environment["versions"]["torch"],
    }


def _point(request: Retraining) -> tuple[SearchSpace, Genotypes]:
    """Returns the space and the genotype, (1, n_genes)."""
    space, genotype = request.design.space, request.design.genotype
    assert space is not None, "a request with a table has a space"
    assert genotype is not None
    return space, genotype[None]
