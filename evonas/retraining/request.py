"""What a training is asked for; torch-free, so that it can be planned anywhere."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evonas.data import list_splits
from evonas.errors import ConfigurationError, DataError
from evonas.paths import find_data, own_data
from evonas.retraining.weights import check_weights
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
    """Resolves and checks what can be checked without reading images and all of the weights.

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
        ConfigurationError: An unknown architecture, recipe or initial weights, or weights of
            another network.
        DataError: No such splits, or a table that cannot be written.
        SchemaError: Weights or a table that are damaged or something else.
    """
    design = resolve(architecture)
    if seed < 0:
        raise ConfigurationError(f"the seed is {seed}; it must be at least 0")
    resolved = load_recipe(recipe, changes)
    weights = _resolve_init(init, design, str(data))
    if resolved.freeze_norm and weights == "scratch":
        raise ConfigurationError(
            f"recipe {recipe!r} keeps the batch norm of trained weights: name some with --init, or "
            "change it with freeze_norm=false"
        )
    folder = Path(data).resolve()
    if not folder.is_dir():
        raise DataError(f"{data}: no such folder")
    lacking = [split for split in ("train", "val") if split not in list_splits(folder)]
    if lacking:
        raise DataError(
            f"{data}: no COCO-format split {lacking[0]!r}; training needs train and val"
        )
    to = Path(table).resolve() if table is not None else None
    request = Retraining(design, folder, recipe, resolved, weights, seed, to)
    if weights != "scratch":
        check_weights(Path(weights), design)
    if table is not None:
        from evonas.retraining.writable import check_writable

        check_writable(Path(table))
    return request


def _resolve_init(init: str, design: Design, data: str) -> str:
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
        if not path.is_file():
            out = own_data(f"supernets/{name}.safetensors")
            command = ["evonas", "supernet", "train", "--space", name, "--data", data]
            raise ConfigurationError(
                f"--init supernet: no supernet weights at {path}; train them with: "
                f"{shlex.join([*command, '--out', str(out)])}"
            )
    elif path.is_dir():  # of a run, or of an export
        names = ("best.safetensors", "detector.safetensors")
        path = next((p for name in names if (p := path / name).is_file()), path / names[0])
    if not path.is_file():
        raise ConfigurationError(
            f"--init {init}: no weights at {path}; allowed are scratch, supernet, and the path of "
            "a run, an archive or a supernet's weights"
        )
    return str(path.resolve())
