"""What `evonas find` is asked for, and what it has planned: both lie in its folder as JSON."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evonas.data.coco_folder import check_outside_data
from evonas.errors import ConfigurationError, SchemaError
from evonas.files import read_json, write_json
from evonas.training.recipe import Recipe
from evonas.training.recipes import (
    SUPERNET_RECIPES,
    changed_fields,
    load_recipe,
    load_supernet_recipe,
)

# Shares of the hours; what is left is for the rest: data, latencies, files, evaluation.
SUPERNET, SEARCH, TRAINING = 0.45, 0.12, 0.33
MOST_IMAGES = 16  # of a step: many steps make more of few hours than large batches
PLANNED = ("steps", "warmup_steps")  # of a recipe, by the hours
BFLOAT16 = ("bfloat16=true",)
_VERSION = 2
LOCK = "find.lock"  # of the process that is at it
_RATES = ("learning_rate", "warmup_from")  # of a recipe; they go with the batch
_COUNTS = ("supernet_steps", "population", "generations", "training_steps", "memory")  # of a plan
_PLANNED_FROM = {"where", "hours", "trained", "recipe", "changes", "seed"}
_BARE = re.compile(r"(?<![\w:@#.-])latency(?![\w:@#.-])")


@dataclass(frozen=True, slots=True)
class FindSpec:
    """What is asked for.

    Attributes:
        data: COCO-format folder with the splits train and val; test is used if it is there.
        device: The device that the detector is for.
        where: Conditions on the networks; a bare `latency` is that of the device.
        image_size: Side of the network's input.
        hours: Time of this machine, at most.
        space: YAML file or name of a space; empty for one made from `nano` for the data.
        tile: Side of tiles that the images are cut into, in pixels of the images; 0 for whole
            images.
        trained: Networks of the front that are trained.
        recipe: Of the trainings, and of the supernet where one for supernets has the name.
        changes: Of the recipes of supernet and trainings, NAME=VALUE.
        seed: Of everything random.
    """

    data: Path
    device: str
    where: tuple[str, ...] = ()
    image_size: int = 160
    hours: float = 4.0
    space: str = ""
    tile: int = 0
    trained: int = 2
    recipe: str = "nano"
    changes: tuple[str, ...] = ()
    seed: int = 0

    @property
    def latency(self) -> str:
        """The column that is made small."""
        return f"latency:{self.device}"

    @property
    def supernet_recipe(self) -> str:
        """The supernet's recipe: of the same name as the trainings' if there is one, else nano."""
        return self.recipe if self.recipe in SUPERNET_RECIPES else "nano"

    @property
    def supernet_changes(self) -> tuple[str, ...]:
        """Changes of the supernet's recipe: those asked for, and smaller batches."""
        return self._in_small_batches(load_supernet_recipe(self.supernet_recipe), self.changes)

    @property
    def training_changes(self) -> tuple[str, ...]:
        """As of the supernet's; the anchors are the space's too, which are fitted to the data."""
        recipe = load_recipe(self.recipe)
        changes = self._in_small_batches(recipe, self.changes)
        return changes if recipe.anchors is None else ("anchors=null", *changes)

    @staticmethod
    def _in_small_batches(recipe: Recipe, changes: tuple[str, ...]) -> tuple[str, ...]:
        """Adds batches of `MOST_IMAGES` to the changes, if the recipe's are larger.

        Rates fall with the root of the batch, with SGD in proportion to it; what the changes
        name themselves stays.
        """
        named = changed_fields(changes)
        if recipe.batch_size <= MOST_IMAGES or "batch_size" in named:
            return changes
        share = MOST_IMAGES / recipe.batch_size
        share = share if recipe.optimiser == "sgd" else share**0.5
        rates = (
            f"{name}={value * share:.3g}"
            for name in _RATES
            if (value := getattr(recipe, name)) and name not in named
        )
        return (f"batch_size={MOST_IMAGES}", *rates, *changes)

    def conditions(self) -> list[str]:
        """Returns the conditions with the device's column.

        >>> FindSpec(Path("d"), "ethos-u55-256", ("latency <= 5",)).conditions()
        ['latency:ethos-u55-256 <= 5']
        """
        return [_BARE.sub(self.latency, text) for text in self.where]

    def settings(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return {"version": _VERSION, **values}


@dataclass(frozen=True, slots=True)
class FindPlan:
    """What the hours are enough for on this machine, and what that takes in seconds.

    Attributes:
        supernet_steps: Of the supernet.
        population: Networks of a generation.
        generations: Of the search.
        training_steps: Of each trained network.
        seconds: What each stage is expected to take, by name.
        memory: Bytes, at most.
        bfloat16: Whether supernet and networks are trained under bfloat16, as it is faster here.
    """

    supernet_steps: int
    population: int
    generations: int
    training_steps: int
    seconds: dict[str, float]
    memory: int
    bfloat16: bool = False

    @property
    def changes(self) -> tuple[str, ...]:
        """Changes of the recipes that suit this machine, NAME=VALUE."""
        return BFLOAT16 if self.bfloat16 else ()


def check_out_folder(out: Path, spec: FindSpec) -> None:
    """Refuses a folder that is not this question's.

    Until the plan is made, nothing in the folder depends on what is planned from: a question that
    the plan refused may be asked again with other conditions or hours.

    Raises:
        ConfigurationError: It holds another find, or files that are none of a find, or it lies in a
            data set.
    """
    path, here = out / "find.json", spec.settings()
    if not path.exists():
        if out.exists() and not _is_empty(out):
            raise ConfigurationError(
                f"{out}: is there already and holds no find; name a new folder with --out"
            )
        check_outside_data(out)
        return
    there = read_json(path, "the question of `evonas find`")
    other = [name for name in here if there.get(name) != here[name]]
    if other and ((out / "plan.json").exists() or not _PLANNED_FROM.issuperset(other)):
        raise ConfigurationError(
            f"{out}: holds another find ({other[0]} {there.get(other[0])}, now {here[other[0]]}); "
            "name another folder with --out"
        )


def claim_folder(out: Path, spec: FindSpec) -> None:
    """Makes the folder this question's; see `check_out_folder`.

    Raises:
        ConfigurationError: It holds another find, or files that are none of a find.
    """
    check_out_folder(out, spec)
    write_json(out / "find.json", spec.settings())


def _is_empty(folder: Path) -> bool:
    """Whether it is a folder with nothing in it but what a killed process may have left."""
    names = (path.name for path in folder.iterdir()) if folder.is_dir() else ("a file",)
    return all(name.startswith(".") or name == LOCK for name in names)


def read_spec(out: Path) -> FindSpec:
    """Reads the question of a folder.

    Raises:
        SchemaError: There is none, or it is damaged.
    """
    path = out / "find.json"
    content = read_json(path, "the question of `evonas find`")
    try:
        values = {name: content[name] for name in FindSpec.__slots__}
        for name in ("where", "changes"):
            values[name] = tuple(map(str, values[name]))
        return FindSpec(**{**values, "data": Path(values["data"])})
    except (KeyError, TypeError) as error:
        raise SchemaError(f"{path}: not the question of `evonas find` ({error})") from error


def read_plan(out: Path) -> FindPlan:
    """Reads the plan of a folder.

    Raises:
        SchemaError: There is none, or it is damaged.
    """
    path = out / "plan.json"
    content = read_json(path, "the plan of `evonas find`")
    try:
        counts = {name: content[name] for name in _COUNTS}
        if not all(type(n) is int and n > 0 for n in counts.values()):
            raise ValueError("numbers above 0 are expected")
        # Plans from before it was measured have no bfloat16.
        plan = FindPlan(
            **counts, seconds=content["seconds"], bfloat16=content.get("bfloat16", False)
        )
        if type(plan.bfloat16) is not bool:
            raise ValueError("bfloat16: true or false is expected")
        if not all(type(seconds) in (int, float) for seconds in plan.seconds.values()):
            raise ValueError("seconds are expected")
        return plan
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SchemaError(f"{path}: not the plan of `evonas find` ({error})") from error
