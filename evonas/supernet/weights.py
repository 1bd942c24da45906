"""Supernet weights on disk: safetensors with the card as metadata, and the card as JSON beside."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evonas.errors import SchemaError
from evonas.files import write_atomically
from evonas.space import SearchSpace, load_space
from evonas.supernet.supernet import Supernet

_VERSION = 1

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
    from safetensors.torch import save

    half = {name: value.detach().half().contiguous() for name, value in weights.items()}
    card = {"version": _VERSION, **card}
    write_atomically(path, save(half, metadata={"card": json.dumps(card)}))
    write_atomically(path.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())


def load_supernet(path: Path | str) -> tuple[Supernet, dict[str, Any]]:
    """Returns a supernet and its card.

    Raises:
        SchemaError: The file is damaged, of a newer version, or of a space that has changed.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {})["card"])
            weights = {name: file.get_tensor(name).float() for name in file.keys()}
    except FileNotFoundError as error:
        raise SchemaError(
            f"{path}: no such file; train one with `evonas supernet train`"
        ) from error
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise SchemaError(f"{path}: not the weights of a supernet ({error})") from error
    if card["version"] > _VERSION:
        raise SchemaError(f"{path}: version {card['version']}; this evonas reads {_VERSION}")
    space = load_space(card["space"])
    if card["fingerprint"] != space.fingerprint:
        raise SchemaError(f"{path}: trained on another definition of the space {space.name!r}")
    supernet = Supernet(space_for_classes(space, len(card["classes"])))
    try:
        supernet.load_state_dict(weights)
    except RuntimeError as error:
        raise SchemaError(f"{path}: weights that do not fit the space {space.name!r}") from error
    return supernet.to(memory_format=torch.channels_last), card
