"""Supernet weights on disk: safetensors with the card as metadata, and the card as JSON beside."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evonas.detector.archive import check_classes
from evonas.detector.weights_file import VERSION, load_weights, save_weights
from evonas.errors import EvonasError, SchemaError
from evonas.files import write_json
from evonas.space import SearchSpace, load_space
from evonas.supernet.supernet import Supernet

# Training images that set the batch norm of a network cut out of a supernet: the same for a score
# and for an archive, whose AP is the score that a table has of it.
CALIBRATION_IMAGES = 128


def space_for_classes(space: SearchSpace, n_classes: int) -> SearchSpace:
    """Returns the space with a head of that many class logits."""
    return replace(space, skeleton=space.skeleton.with_classes(n_classes))


def save_supernet(path: Path, weights: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Writes weights in half precision, and the card.

    Args:
        path: A `.safetensors` file.
        weights: A supernet's state.
        card: At least `space`, `fingerprint` and `classes`.
    """
    save_weights(path, {name: value.detach().half() for name, value in weights.items()}, card)
    write_json(path.with_suffix(".json"), {"version": VERSION, **card})


def load_supernet(path: Path | str) -> tuple[Supernet, dict[str, Any]]:
    """Returns a supernet and its card.

    Raises:
        SchemaError: The file is damaged, of a newer version, or of a space that has changed.
    """
    what = "the weights of a supernet, as `evonas supernet train` makes them"
    card, weights = load_weights(Path(path), what)
    try:
        space, classes = load_space(card["space"]), card["classes"]
        check_classes(classes)
        fingerprint = card["fingerprint"]
    except (KeyError, TypeError, ValueError, EvonasError) as error:
        raise SchemaError(f"{path}: not the card of a supernet ({error})") from error
    if fingerprint != space.fingerprint:
        raise SchemaError(f"{path}: trained on another definition of the space {space.name!r}")
    supernet = Supernet(space_for_classes(space, len(classes)))
    try:
        supernet.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise SchemaError(f"{path}: weights that do not fit the space {space.name!r}") from error
    return supernet.to(memory_format=torch.channels_last), card
