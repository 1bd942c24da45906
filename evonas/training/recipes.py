"""The recipes by name, and how a file or a command line changes them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import Any

from evonas.data.augmentation import Augmentation
from evonas.errors import ConfigurationError, DataError, unknown_name
from evonas.limits import parse_yaml, printable, read_yaml
from evonas.numbers import read_number
from evonas.space import AnchorShapes
from evonas.training.recipe import Recipe, describe_recipe, recipe_from

# Random crop and mirroring as the paper's. Colours as SSD distorts them.
_PAPER = Augmentation(
    zoom=1.0, stretch=1.0, shift=0.0, min_visible=0.25, flip=0.5,
    brightness=0.25, contrast=0.5, colour=0.1, crop=0.86, saturation=0.5,
)  # fmt: skip

# The augmentation of the paper: TensorFlow's ssd_random_crop and mirroring, nothing else.
_PUBLISHED = Augmentation(
    zoom=1.0, stretch=1.0, shift=0.0, min_visible=0.0, flip=0.5, brightness=0.0, contrast=0.0,
    colour=0.0, crop=0.85, crop_rule="tf1",
)  # fmt: skip

_LIGHT = Augmentation(
    zoom=1.15, stretch=1.05, shift=0.05, brightness=0.15, contrast=0.15, colour=0.1
)

# The eight ways to lay an image down, and nothing else.
_TURNS = Augmentation(
    zoom=1.0,
    stretch=1.0,
    shift=0.0,
    brightness=0.0,
    contrast=0.0,
    colour=0.0,
    flip=0.5,
    flip_vertical=0.5,
    transpose=0.5,
)

_WHOLE = re.compile(r"[-+]?[0-9]{1,40}")

RECIPES = {
    # A median network of `nano` from scratch in minutes on two cores. Small batches, a high rate
    # and light augmentation make the most of few images: one network reached AP 0.51 after 16,000
    # of them, and 0.18 at batch 32, rate 3e-3 and twice the augmentation
    # (scripts/compare/recipes.py).
    "nano": Recipe(
        steps=2500, batch_size=16, learning_rate=1.6e-2, warmup_steps=100, validations=5,
        augmentation=_LIGHT,
    ),
    # Tiles of printed circuit boards (DeepPCB, `boards`) for networks of `nano`. The anchors were
    # fitted once to its training split, by `fit_anchors` from where it had ended until nothing
    # changed: they overlap the boxes by 0.72 on average, nano's own by 0.60. A board may lie in
    # any of eight ways and is changed no further, as the scans are black and white and always of
    # one scale. That helped AP most, then the loss on boxes in place of their codes.
    "boards": Recipe(
        steps=2560, batch_size=8, learning_rate=5.6e-3, warmup_steps=320, validations=8,
        focal_alpha=0.5, box_loss="giou", box_weight=2.0, augmentation=_TURNS,
        anchors=AnchorShapes((0.223, 0.558), (0.706, 1.416), 1.059),
    ),
    # Images that are always taken alike. As `boards`, in batches of 16, on the space's anchors. An
    # anchor trains on a box from an overlap of 0.4: else hardly one does where a small box lies
    # between the cells of a map (docs/boards.md).
    "inspection": Recipe(
        steps=5000, batch_size=16, learning_rate=8e-3, warmup_steps=100, validations=8,
        focal_alpha=0.5, box_loss="giou", box_weight=2.0, match_overlap=0.4, augmentation=_TURNS,
    ),
    # As published for the MobileDets, in the mixed precision of today's accelerators. The box
    # loss is divided by the size of a code, 4. One thing is ours: class logits start at -4.6,
    # which the published configurations ask for and the published depthwise head ignores.
    "mobiledet": Recipe(
        steps=400_000, batch_size=512, learning_rate=0.8, weight_decay=4e-5, warmup_steps=2000,
        warmup_from=0.13333, ema_decay=0.0, gradient_clip=100.0, optimiser="sgd", bfloat16=True,
        validations=80, box_weight=0.25, initialisation="published", protocol="published",
        resizing="tf1", augmentation=_PUBLISHED,
    ),
    # Ours before: four times the box loss, colours, boxes kept by a share of their own.
    "mobiledet-evonas": Recipe(
        steps=400_000, batch_size=512, learning_rate=0.8, weight_decay=4e-5, warmup_steps=2000,
        ema_decay=0.0, gradient_clip=100.0, optimiser="sgd", bfloat16=True, validations=80,
        augmentation=_PAPER,
    ),
    # Fine-tuning on some hundreds of images.
    "mobiledet-small-data": Recipe(
        steps=2000, batch_size=16, learning_rate=5e-4, weight_decay=0.02, warmup_steps=100,
        ema_decay=0.99, freeze_norm=True, validations=20, patience=5,
        augmentation=replace(_PAPER, zoom=1.3, shift=0.1, min_visible=0.5, mosaic=0.25),
    ),
    # Quantisation-aware fine-tuning of a trained network, before `evonas export`.
    "int8": Recipe(
        steps=500, batch_size=16, learning_rate=3e-4, warmup_steps=50, ema_decay=0.99,
        freeze_norm=True, int8=True, validations=5, augmentation=_LIGHT,
    ),
}  # fmt: skip

SUPERNET_RECIPES = {
    # As the truth's, for longer and with larger batches, which cost a GPU nothing. Scores after
    # 1,500 steps of 16 images on the truth's networks: 0.058 on average at rate 2e-2, 0.049 at
    # 1e-2, 0.023 there with twice the augmentation (scripts/compare/supernets.py).
    "nano": Recipe(
        steps=10_600, batch_size=64, learning_rate=1.6e-2, weight_decay=0.01, augmentation=_LIGHT
    ),
    # As the table's on tiles of circuit boards.
    "boards": replace(
        RECIPES["boards"],
        steps=40_000,
        batch_size=16,
        learning_rate=8e-3,
        weight_decay=0.01,
        anchors=None,
    ),
    "inspection": replace(RECIPES["inspection"], steps=40_000, weight_decay=0.01),
    # As a MobileDet's of ours.
    "mobiledet": RECIPES["mobiledet-evonas"],
}


def load_recipe(
    name: str, changes: Sequence[str] = (), recipes: Mapping[str, Recipe] = RECIPES
) -> Recipe:
    """Returns a recipe by name or from a YAML file, changed.

    Args:
        name: A name of `recipes`, or a `.yaml` file: a recipe's values, on top of the recipe that
            its `base` names.
        changes: `NAME=VALUE`, such as `steps=500` or `augmentation.flip=0.5`.
        recipes: Those known by name.

    Raises:
        ConfigurationError: An unknown name, or a value that its field does not take.

    >>> load_recipe("nano", ["steps=10", "augmentation.flip=0.5"]).augmentation.flip
    0.5
    """
    values = (
        _from_file(Path(name), recipes)
        if name.endswith((".yaml", ".yml"))
        else _named(name, recipes)
    )
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise ConfigurationError(f"change of the recipe {change!r}: must be NAME=VALUE")
        _set(values, key.strip(), _parse(text))
    return recipe_from(values)


def load_supernet_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """Returns a supernet's recipe, as `load_recipe` does.

    Raises:
        ConfigurationError: As there, and for a recipe with anchors: a supernet's, and so its
            networks', are those of its space.
    """
    recipe = load_recipe(name, changes, SUPERNET_RECIPES)
    refuse_anchors(recipe)
    return recipe


def refuse_anchors(recipe: Recipe) -> None:
    """Refuses a recipe that a supernet cannot be trained by; see `load_supernet_recipe`."""
    if recipe.fit_anchors or recipe.anchors:
        field = "fit_anchors" if recipe.fit_anchors else "anchors"
        raise ConfigurationError(
            f"recipe: {field} is not for supernets, whose anchors are their space's; "
            "`evonas space make --data` makes a space with anchors fitted to the data"
        )


def changed_fields(changes: Sequence[str]) -> set[str]:
    """Returns the names that changes of a recipe, NAME=VALUE, begin with.

    >>> sorted(changed_fields(("steps=10", "augmentation.flip=0.5")))
    ['augmentation.flip', 'steps']
    """
    return {change.partition("=")[0].strip() for change in changes}


def recipe_changes(recipe: Recipe, base: Recipe) -> list[str]:
    """Returns the changes that make the base into the recipe, as `load_recipe` takes them.

    >>> recipe_changes(load_recipe("nano", ["steps=10", "augmentation.flip=0.5"]), RECIPES["nano"])
    ['steps=10', 'augmentation.flip=0.5']
    """
    ours, theirs = asdict(recipe), asdict(base)
    return [
        *_changes(ours, theirs),
        *_changes(ours["augmentation"], theirs["augmentation"], "augmentation."),
        *_changes(ours["anchors"] or {}, theirs["anchors"] or {}, "anchors."),
    ]


def _changes(ours: dict[str, Any], theirs: dict[str, Any], prefix: str = "") -> list[str]:
    return [
        f"{prefix}{name}={_text(value)}"
        for name, value in ours.items()
        if value != theirs.get(name) and not isinstance(value, dict)
    ]


def _text(value: Any) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool | tuple) else str(value)


def _named(name: str, recipes: Mapping[str, Recipe]) -> dict[str, Any]:
    if name not in recipes:
        raise unknown_name("recipe", name, recipes)
    return describe_recipe(recipes[name])


def _from_file(path: Path, recipes: Mapping[str, Recipe]) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except DataError as error:
        raise ConfigurationError(str(error)) from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: must hold the values of a recipe by name")
    base = content.pop("base", None)
    values = _named(printable(base), recipes) if base is not None else {}
    for key, value in content.items():
        nested = value if isinstance(value, dict) else {"": value}
        for inner, entry in nested.items():
            _set(values, f"{key}.{inner}" if inner else str(key), entry)
    return values


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    outer, dot, inner = key.partition(".")
    if dot:
        nested = values.setdefault(outer, {})
        if not isinstance(nested, dict):
            raise ConfigurationError(f"recipe: {outer} has no {inner!r}")
        nested[inner] = value
    else:
        values[outer] = value


def _parse(text: str) -> Any:
    """Reads a number, true, false or a word; YAML's `1e-3` is a text, here it is a number."""
    number = read_number(text)
    if number is not None:
        return int(text) if _WHOLE.fullmatch(text) else number
    try:
        value = parse_yaml(text, "change of the recipe")
    except DataError:
        return text
    # YAML also reads 1_0, 0x10 and 1:30 as numbers, which nobody means here.
    odd = type(value) is int or (type(value) is float and isfinite(value))
    return text if odd else value
