"""How a network is trained, as data."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from math import cos, pi
from typing import Any, Literal

from evonas.data.augmentation import Augmentation
from evonas.errors import ConfigurationError
from evonas.limits import printable
from evonas.space import AnchorShapes, Architecture

_TINY, _HUGE = 1e-12, 1e6
# What the numbers of a recipe may be; the largest are far beyond any training.
_RANGES: dict[str, tuple[float, float]] = {
    "steps": (1, 10**8),
    "batch_size": (1, 10**6),
    "warmup_steps": (0, 10**8),
    "validations": (1, 10**6),
    "patience": (0, 10**6),
    "learning_rate": (_TINY, 1e3),
    "gradient_clip": (_TINY, _HUGE),
    "box_weight": (_TINY, _HUGE),
    "weight_decay": (0, 1e3),
    "focal_alpha": (0, 1),
    "match_overlap": (0.05, 1),
    "ema_decay": (0, 0.999999),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training recipe.

    Attributes:
        steps: Optimiser steps.
        batch_size: Images a step, over all processes.
        learning_rate: Peak rate.
        weight_decay: On convolution weights only; decoupled with AdamW.
        warmup_steps: Steps of linear rise before the cosine falls to zero.
        ema_decay: Decay of the averaged weights that are evaluated and saved.
        gradient_clip: Largest norm of the gradient.
        bfloat16: Run the network under bfloat16 autocast. It pays on processors that have it;
            on those with AVX2 alone a step takes several times as long.
        focal_alpha: Weight of the positive class in the focal loss.
        augmentation: How images are changed.
        optimiser: `adamw`, or `sgd` with momentum 0.9.
        float16: Run the network under float16 autocast, with a scaled loss.
        compile: Compile the network with `torch.compile`; not for supernets.
        freeze_norm: Keep the batch norm of the initial weights as it is.
        int8: Round weights and maps as int8 does while training; needs `freeze_norm`.
        box_weight: Weight of the box loss against that of the classes.
        box_loss: `smooth_l1` on the box codes, as published, or `giou` on the boxes.
        validations: Evaluations on the validation split, evenly over the steps, the last at the
            end.
        patience: Evaluations without a better AP after which training ends; 0 for never.
        fit_anchors: Shape the anchors for the training boxes; see `fit_anchors`.
        warmup_from: Rate of the first step, from which it rises linearly to `learning_rate`; 0 to
            begin with one step of the rise.
        initialisation: Of random weights: `evonas`, or `published` as the MobileDets'.
        protocol: Post-processing under which AP is measured: `fast`, `crowded` or `published`.
        resizing: How images are resized: `antialiased`, or `tf1` as TensorFlow 1 does; by default
            as the initial weights are used to, else antialiased.
        sync_norm: Take batch norm statistics over all processes.
        anchors: The anchors' shapes, fitted once for a data set; None for the space's own.
        match_overlap: Least intersection over union with a box by which an anchor trains on it;
            its best anchor does in any case. 0.5 as published.
    """

    steps: int
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup_steps: int = 300
    ema_decay: float = 0.999
    gradient_clip: float = 5.0
    bfloat16: bool = False
    focal_alpha: float = 0.75
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimiser: Literal["adamw", "sgd"] = "adamw"
    float16: bool = False
    compile: bool = False
    freeze_norm: bool = False
    int8: bool = False
    box_weight: float = 1.0
    validations: int = 10
    patience: int = 0
    sync_norm: bool = False
    fit_anchors: bool = False
    warmup_from: float = 0.0
    initialisation: Literal["evonas", "published"] = "evonas"
    protocol: str = "fast"
    resizing: Literal["", "antialiased", "tf1"] = ""
    anchors: AnchorShapes | None = None
    box_loss: Literal["smooth_l1", "giou"] = "smooth_l1"
    match_overlap: float = 0.5

    def __post_init__(self) -> None:
        """Refuses what cannot be trained with."""
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:  # NaN is in no range
                raise ConfigurationError(
                    f"recipe: {name} is {value:.4g}; it must be {low:g} to {high:.7g}"
                )
        if self.int8 and not self.freeze_norm:
            raise ConfigurationError(
                "recipe: int8 rounds with the batch norm folded in; it needs freeze_norm"
            )
        if not 0 <= self.warmup_from <= self.learning_rate:
            raise ConfigurationError(
                f"recipe: warmup_from is {self.warmup_from}, 0 to learning_rate "
                f"({self.learning_rate:g}) is allowed"
            )
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigurationError(
                    f"recipe: unknown {name} {getattr(self, name)!r}; "
                    f"{' or '.join(filter(None, allowed))}"
                )
        if self.fit_anchors and self.anchors:
            raise ConfigurationError("recipe: fit_anchors and anchors exclude each other")

    def with_anchors(self, architecture: Architecture) -> Architecture:
        """Returns the network with the recipe's anchors; unchanged if the recipe has none.

        Raises:
            ConfigurationError: The network's head has another number of anchors per location.
        """
        if self.anchors is None:
            return architecture
        ours, theirs = self.anchors.aspect_ratios, architecture.skeleton.head.aspect_ratios
        if len(ours) != len(theirs):
            raise ConfigurationError(
                f"recipe: anchors of {len(ours)} aspect ratios; the network's head has "
                f"{len(theirs)}. Name another recipe, or set fit_anchors=true and anchors=null"
            )
        return architecture.with_anchors(self.anchors)

    def share_of(self, processes: int) -> "Recipe":
        """Returns the recipe of one of several processes that divide each batch."""
        return replace(self, batch_size=max(1, self.batch_size // processes))

    def learning_rate_at(self, step: int) -> float:
        """Rate of a step, counted from 0."""
        if step < self.warmup_steps:
            if self.warmup_from:
                rise = (self.learning_rate - self.warmup_from) / self.warmup_steps
                return self.warmup_from + rise * step
            return self.learning_rate * (step + 1) / self.warmup_steps
        share = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        return self.learning_rate * (1 + cos(pi * share)) / 2

    def validates_after(self, step: int) -> bool:
        """Returns whether the network is evaluated after a step, counted from 0."""
        done = (step + 1) * self.validations
        return done // self.steps > (done - self.validations) // self.steps


_CHOICES = {
    "optimiser": ("adamw", "sgd"),
    "initialisation": ("evonas", "published"),
    "protocol": ("fast", "crowded", "published"),  # of evonas.detector.protocol, which needs torch
    "resizing": ("", "antialiased", "tf1"),
    "box_loss": ("smooth_l1", "giou"),
}

# Left out of a description while they have their default, so that checkpoints and tables from
# before they existed stay valid.
_LATER = {
    "optimiser", "float16", "compile", "freeze_norm", "int8", "box_weight", "validations",
    "patience", "sync_norm", "fit_anchors", "crop", "saturation", "mosaic", "warmup_from",
    "initialisation", "protocol", "resizing", "crop_rule", "flip_vertical",
    "transpose", "anchors", "box_loss", "match_overlap",
}  # fmt: skip


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as a plain dict: equal for recipes that train alike."""
    description = asdict(recipe)
    for values, kind in ((description, Recipe), (description["augmentation"], Augmentation)):
        for entry in fields(kind):
            if entry.name in _LATER and values[entry.name] == entry.default:
                del values[entry.name]
    return description


def recipe_from(values: Mapping[str, Any]) -> Recipe:
    """Returns the recipe of a dict, such as `describe_recipe` gives or a YAML file holds.

    Raises:
        ConfigurationError: A name that no recipe has, or a value of the wrong kind.
    """
    given = dict(values)
    anchors = _anchors_from(given.pop("anchors", None))
    nested = given.pop("augmentation", {})
    if not isinstance(nested, Mapping):
        raise ConfigurationError("recipe: augmentation must be a mapping")
    checked = _checked(Recipe, given, "recipe")
    if "steps" not in checked:
        raise ConfigurationError("recipe: steps is missing")
    augmentation = Augmentation(**_checked(Augmentation, nested, "recipe: augmentation"))
    return Recipe(**checked, augmentation=augmentation, anchors=anchors)


def _anchors_from(values: Any) -> AnchorShapes | None:
    if values is None:
        return None
    names = [entry.name for entry in fields(AnchorShapes)]
    try:
        if set(values) != set(names):
            raise ValueError
        low, high = map(float, values["scales"])
        ratios = tuple(map(float, values["aspect_ratios"]))
        between = float(values["interpolated_ratio"])
        if not (0 < low <= high <= 1 and all(0.01 <= r <= 100 for r in (*ratios, between))):
            raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"recipe: anchors must have {', '.join(names)}: two scales from 0 to 1, smaller one "
            "first, and ratios from 0.01 to 100"
        ) from error
    return AnchorShapes((low, high), ratios, between)


def _checked(kind: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns the values with the types that the fields have."""
    nested = ("augmentation", "anchors")
    types = {entry.name: _type_of(entry) for entry in fields(kind) if entry.name not in nested}
    checked = {}
    for name, value in values.items():
        if name not in types:
            known = ", ".join(entry.name for entry in fields(kind))
            raise ConfigurationError(f"{where}: unknown {printable(name, 60)!r}; known: {known}")
        wanted = types[name]
        if wanted is float and type(value) is int and abs(value) < 2**53:
            value = float(value)
        if type(value) is not wanted:
            raise ConfigurationError(
                f"{where}: {name}: expected {wanted.__name__}, got {_shown(value)}"
            )
        checked[name] = value
    return checked


def _shown(value: Any) -> str:
    """A value for a message: a file may hold one of any size."""
    if isinstance(value, list | dict | tuple | set):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    return printable(repr(value), 60)


def _type_of(entry: Any) -> type:
    return int if entry.default is MISSING else type(entry.default)
