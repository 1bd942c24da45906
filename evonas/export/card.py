"""The card beside exported files: what a file in ONNX or TFLite needs to be of use."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError, SchemaError
from evonas.files import read_json
from evonas.limits import printable
from evonas.space import AnchorShapes, Architecture, resolve

FILE = "card.json"
_MOST_CLASSES, _MOST_SIDE = 10_000, 8192


@dataclass(frozen=True, slots=True)
class ExportCard:
    """What `evonas export` says of the files of a folder.

    Attributes:
        architecture: An `arch_id`, or the name of a published network or baseline.
        classes: Names of the classes, in the order of the logits.
        image_size: Side of the images that the network takes.
        mean: What is subtracted from the pixels' values 0 to 255.
        std: What they are then divided by.
        anchors: The anchors that it was trained for, if they are not the space's.
        resizing: How images become the network's square; see `evonas.detector.archive.Card`.
    """

    architecture: str
    classes: tuple[str, ...]
    image_size: int
    mean: float
    std: float
    anchors: AnchorShapes | None = None
    resizing: str = "antialiased"

    def network(self) -> Architecture:
        """Returns the architecture with these classes and anchors.

        Raises:
            EvonasError: There is no such architecture.
        """
        found = resolve(self.architecture).architecture.with_classes(len(self.classes))
        return found if self.anchors is None else found.with_anchors(self.anchors)


def read_card(folder: Path) -> ExportCard:
    """Reads the card of a folder of exported files.

    Raises:
        SchemaError: It is missing or damaged; the message says what is wrong.
    """
    path = folder / FILE
    content = read_json(path, "the card that `evonas export` writes beside its files")
    try:
        return _card(content)
    except KeyError as error:
        raise SchemaError(f"{path}: not the card of an export ({error} is missing)") from error
    except (TypeError, ValueError, EvonasError) as error:
        reason = printable(error)
        raise SchemaError(f"{path}: not the card of an export ({reason})") from error


def _card(content: Mapping[str, Any]) -> ExportCard:
    classes = content["classes"]
    if not (
        isinstance(classes, list)
        and 0 < len(classes) <= _MOST_CLASSES
        and all(isinstance(name, str) for name in classes)
    ):
        raise ValueError("classes must be a list of names")
    if not isinstance(content["architecture"], str):
        raise ValueError("architecture must be a name")
    size = content["image_size"]
    if type(size) is not int or not 0 < size <= _MOST_SIDE:
        raise ValueError(f"image_size is {size!r}, 1 to {_MOST_SIDE} is allowed")
    numbers = {name: _number(content[name], name) for name in ("mean", "std")}
    resizing = content.get("resizing", "antialiased")
    if resizing not in ("antialiased", "tf1"):
        raise ValueError(f"resizing is {printable(repr(resizing), 40)}, antialiased or tf1")
    if not numbers["std"] > 0:
        raise ValueError(f"std is {numbers['std']}, it must be above 0")
    card = ExportCard(
        content["architecture"],
        tuple(classes),
        size,
        anchors=_anchors(content),
        resizing=resizing,
        **numbers,
    )
    network = card.network()
    if network.skeleton.image_size != size:
        raise ValueError(f"image_size is {size}, {card.architecture} has another")
    return card


def _anchors(content: Mapping[str, Any]) -> AnchorShapes | None:
    given = content.get("anchors")
    if given is None:
        return None
    low, high = (_number(value, "an anchor's scale") for value in given["scales"])
    ratios = tuple(_number(value, "an anchor's ratio") for value in given["aspect_ratios"])
    between = _number(given["interpolated_ratio"], "an anchor's ratio")
    if not all(value > 0 for value in (low, high, between, *ratios)):
        raise ValueError("anchors without a size")
    return AnchorShapes((low, high), ratios, between)


def _number(value: Any, name: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{name} is {printable(repr(value), 40)}, expected a number")
    return float(value)
