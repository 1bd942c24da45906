"""What a training is asked for; torch-free, so that it can be planned anywhere."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from evonas.data import list_splits
from evonas.errors import ConfigurationError, DataError
from evonas.paths import find_data
from evonas.space import Design, resolve, whole_space
from evonas.training.recipe import Recipe, describe_recipe
from evonas.training.recipes import load_recipe

_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Retraining:
    """A training, resolved: all that decides its result, and where the result goes.

    Attributes:
        design: The network.
        data: The COCO-format folder.
        recipe_name: The recipe as it was asked for.
        recipe: The recipe with all changes.
        init: `scratch`, or the file of the initial weights.
        seed: Decides initial weights, batches and augmentation.
        table: Benchmark table that takes the result; None for none.
    """

    design: Design
    data: Path
    recipe_name: str
    recipe: Recipe
    init: str = "scratch"
    seed: int = 0
    table: Path | None = None

    def __post_init__(self) -> None:
        """Refuses what no run can do.

        Raises:
            ConfigurationError: A table for a network that is a point of no space.
        """
        if self.table is not None and self.design.space is None:
            raise ConfigurationError(
                f"{self.architecture} belongs to no space, so no table can hold it; leave out "
                "--table"
            )

    @property
    def architecture(self) -> str:
        """Name of the network, as it was asked for."""
        return self.design.name

    @property
    def id(self) -> str:
        """A short hash, the same for trainings that have the same result."""
        decisive = [
            self.architecture,
            str(self.data),
            describe_recipe(self.recipe),
            self.init,
            self.seed,
        ]
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:_ID_DIGITS]


def plan_training(
    architecture: str,
    data: Path | str,
    recipe: str = "nano",
    changes: Sequence[str] = (),
    init: str = "scratch",
    seed: int = 0,
    table: Path | str | None = None,
) -> Retraining:
    """Resolves and checks what can be checked without reading images or weights.

    Args:
        architecture: An `arch_id`, or the name of a published network or baseline.
        data: COCO-format folder with the splits train and val.
        recipe: A recipe's name or YAML file; see `load_recipe`.
        changes: `NAME=VALUE` changes of the recipe.
        init: `scratch`; `supernet` for the weights that the shipped supernet has for the
            architecture; or the path of a run, an archive or a supernet's weights.
        seed: Of everything random.
        table: Benchmark table that takes the result.

    Raises:
        ConfigurationError: An unknown architecture, recipe or initial weights.
        DataError: No such splits.
    """
    design = resolve(architecture)
    if seed < 0:
        raise ConfigurationError(f"the seed is {seed}; it must be at least 0")
    resolved = load_recipe(recipe, changes)
    weights = _resolve_init(init, design)
    if resolved.freeze_norm and weights == "scratch":
        raise ConfigurationError(
            f"recipe {recipe!r} keeps the batch norm of trained weights: name some with --init, or "
            "change it with freeze_norm=false"
        )
    folder = Path(data).resolve()
    lacking = [split for split in ("train", "val") if split not in list_splits(folder)]
    if lacking:
        raise DataError(
            f"{data}: no COCO-format split {lacking[0]!r}; training needs train and val"
        )
    to = Path(table).resolve() if table is not None else None
    return Retraining(design, folder, recipe, resolved, weights, seed, to)


def refuse_other(
    stored: Retraining,
    architecture: str | None = None,
    data: Path | str | None = None,
    recipe: str | None = None,
    changes: Sequence[str] = (),
    init: str | None = None,
    seed: int | None = None,
    table: Path | str | None = None,
) -> None:
    """Refuses what is not as in the run that is to be resumed; None stands for not given.

    Raises:
        ConfigurationError: A run goes on as it began, and this asks for another one.
    """
    other = []
    if architecture and resolve(architecture).name != stored.architecture:
        other.append(f"architecture {architecture}")
    if data is not None and Path(data).resolve() != stored.data:
        other.append(f"--data {data}")
    if recipe is not None and load_recipe(recipe, changes) != stored.recipe:
        other.append(f"--recipe {recipe}")
    for change in changes:
        key, _, _ = change.partition("=")
        asked = load_recipe(recipe or "nano", [change])
        if _value(asked, key.strip()) != _value(stored.recipe, key.strip()):
            other.append(f"--set {change}")
    if init is not None and _resolve_init(init, stored.design) != stored.init:
        other.append(f"--init {init}")
    if seed is not None and seed != stored.seed:
        other.append(f"--seed {seed}")
    if table is not None and Path(table).resolve() != stored.table:
        other.append(f"--table {table}")
    if other:
        raise ConfigurationError(
            f"{', '.join(other)}: the run to be resumed was begun with another; leave it out, or "
            "start a new run in another --out (--init takes the weights of this one)"
        )


def _value(recipe: Recipe, key: str) -> Any:
    """Returns a field of a recipe, such as `augmentation.flip`."""
    return reduce(getattr, key.split("."), recipe)


def _resolve_init(init: str, design: Design) -> str:
    """Returns `scratch` or the file of weights."""
    if init == "scratch":
        return init
    path = Path(init)
    if init == "supernet":
        if design.space is None:
            raise ConfigurationError(
                f"--init supernet: {design.name} is a point of no space, so no supernet has it"
            )
        name = whole_space(design.space.name)
        path = find_data(f"supernets/{name}.safetensors")
    elif path.is_dir():  # of a run, or of an export
        names = ("best.safetensors", "detector.safetensors")
        path = next((p for name in names if (p := path / name).is_file()), path / names[0])
    if not path.is_file():
        raise ConfigurationError(
            f"--init {init}: no weights at {path}; allowed are scratch, supernet, and the path of "
            "a run, an archive or a supernet's weights"
        )
    return str(path.resolve())
