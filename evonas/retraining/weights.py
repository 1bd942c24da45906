"""Whether a training can start with the weights of a file, as their card says; torch-free."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from evonas.errors import ConfigurationError, EvonasError, SchemaError
from evonas.limits import parse_json
from evonas.space import Architecture, Design, load_space, resolve


def check_weights(path: Path, design: Design) -> None:
    """Refuses weights that are not for a network, before anything is made for a training.

    Only the card is read; that the weights themselves are sound shows when they are loaded.

    Raises:
        SchemaError: The file is cut off, or holds neither a network nor a supernet.
        ConfigurationError: The weights are another architecture's.
        GenotypeError: The network is not in the supernet's space.
    """
    card = _read_card(path)
    try:
        if not _is_detector(card):
            space = load_space(card["space"])
        elif card["architecture"] == design.name:
            theirs = design
        else:
            theirs = resolve(card["architecture"])
    except (AttributeError, KeyError, TypeError, EvonasError) as error:
        raise SchemaError(
            f"{path}: neither the weights of a network nor of a supernet ({error})"
        ) from error
    if _is_detector(card):
        refuse_other_network(path, theirs.name, theirs.architecture, design, design.architecture)
    else:
        design.genotype_in(space)


def is_supernet(path: Path) -> bool:
    """Returns whether weights are not one network's.

    Raises:
        SchemaError: The file is damaged, or not one of weights.
    """
    return not _is_detector(_read_card(path))


def refuse_other_network(
    path: Path, name: str, theirs: Architecture, design: Design, wanted: Architecture
) -> None:
    """Refuses weights of a network that differs in more than classes, anchors and image size.

    Args:
        path: File of the weights.
        name: Of the network that they are of.
        theirs: That network.
        design: The network as it was asked for.
        wanted: The same, with as many classes and the anchors to train with.

    Raises:
        ConfigurationError: It does.
    """
    if not _take_the_same_weights(theirs, wanted):
        raise ConfigurationError(f"--init {path}: weights of {name}, not of {design.name}")


def _take_the_same_weights(one: Architecture, other: Architecture) -> bool:
    differ = one.skeleton.differences(other.skeleton)
    return set(differ) <= {"image size"} and replace(one, skeleton=other.skeleton) == other


def _read_card(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise SchemaError(f"{path}: not a .safetensors file ({error})") from error
    card = parse_json(metadata.get("card", "{}"), f"{path}: card", SchemaError)
    if not isinstance(card, dict):
        raise SchemaError(f"{path}: its card is not an object")
    return card


def _is_detector(card: dict[str, Any]) -> bool:
    return card.get("kind") == "detector"
