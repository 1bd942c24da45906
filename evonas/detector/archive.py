"""A trained detector as one file: weights as safetensors, and a card with all that they need."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evonas.detector.anchors import anchor_boxes
from evonas.detector.network import Detector
from evonas.detector.postprocess import Detections, postprocess
from evonas.detector.protocol import FAST, Protocol, protocol_from
from evonas.detector.weights_file import load_weights, save_weights
from evonas.errors import EvonasError, SchemaError
from evonas.space import AnchorShapes, Architecture, Design, resolve
from evonas.space.costs import params as count_params

# How images become the network's square: Pillow's antialiased bilinear, or TensorFlow 1's.
RESIZINGS = ("antialiased", "tf1")

# What the numbers of a card may be.
_RANGES = {"mean": (-1e6, 1e6), "std": (1e-6, 1e6)}
_MOST_CLASSES, _MOST_CHARACTERS = 10_000, 1000


@dataclass(frozen=True, slots=True)
class Card:
    """What a detector's weights need to be of use, and where they come from.

    Attributes:
        architecture: An `arch_id`, or the name of a published network or baseline.
        classes: Names of the classes, in the order of the logits.
        mean: What is subtracted from the pixels' values 0 to 255 (RGB, stretched to the
            network's square).
        std: What they are then divided by.
        detection: Post-processing of `detect`, and in exported files that hold it.
        protocol: Post-processing under which `metrics` were measured.
        resizing: How images become the network's square, one of `RESIZINGS`.
        metrics: Figures such as `map`, and `metrics_of` says on which data.
        anchors: The anchors that it was trained for, if they are not the space's.
        made: Command, seed, versions, fingerprint of the data: whatever made the weights.
    """

    architecture: str
    classes: tuple[str, ...]
    mean: float = 127.5
    std: float = 127.5
    detection: Protocol = FAST
    protocol: Protocol = FAST
    resizing: str = "antialiased"
    metrics: Mapping[str, float] = field(default_factory=dict)
    metrics_of: str = ""
    anchors: AnchorShapes | None = None
    made: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Archive:
    """A detector with its card."""

    detector: Detector
    card: Card

    @property
    def image_size(self) -> int:
        """Side of the images that the network takes."""
        return self.detector.architecture.skeleton.image_size

    def detect(self, images: Tensor) -> Detections:
        """Runs the network.

        Args:
            images: (n, 3, image_size, image_size) uint8, RGB.

        Returns:
            Padded detections; boxes in pixels of these images.
        """
        return self.detect_normalised(self.normalise(images))

    def normalise(self, images: Tensor) -> Tensor:
        """Turns images (n, 3, h, w) uint8 into what the network is fed, as the card says."""
        # In this order it is to the bit what training does.
        return images.float().div_(self.card.std).sub_(self.card.mean / self.card.std)

    def detect_normalised(self, images: Tensor) -> Detections:
        """Runs the network on what it is fed: float32 images, normalised as the card says."""
        self.detector.eval()
        with torch.inference_mode():
            codes, logits = self.detector(images.contiguous(memory_format=torch.channels_last))
            return postprocess(
                codes,
                logits,
                anchor_boxes(self.detector.architecture.skeleton),
                self.image_size,
                self.card.detection,
            )


def save_archive(path: Path, archive: Archive) -> None:
    """Writes an archive, atomically.

    Raises:
        DataError: The place cannot be written.
    """
    card = {"kind": "detector", **asdict(archive.card)}
    save_weights(path, archive.detector.state_dict(), card)


def load_archive(path: Path | str, design: Design | None = None) -> Archive:
    """Reads an archive; nothing in it is executed.

    Args:
        path: The file.
        design: The network that it is likely to hold, if it has been resolved already.

    Raises:
        SchemaError: Not an archive, damaged, of a newer version, or of another network.
    """
    path = Path(path)
    content, weights = load_weights(path, "a detector's archive, as `evonas export` makes them")
    try:
        if content.pop("kind") != "detector":
            raise SchemaError("it is of another kind")
        card, architecture = read_card(content, design)
        if count_params(architecture) > sum(values.numel() for values in weights.values()):
            raise SchemaError("weights that do not fit")  # found before they are made room for
    except KeyError as error:
        raise SchemaError(f"{path}: not the card of a detector ({error} is missing)") from error
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from error
    detector = Detector(architecture)
    try:
        detector.load_state_dict(weights)
    except RuntimeError as error:
        raise SchemaError(f"{path}: weights that do not fit {card.architecture}") from error
    return Archive(detector.to(memory_format=torch.channels_last), card)


def read_card(
    content: Mapping[str, Any], design: Design | None = None
) -> tuple[Card, Architecture]:
    """Reads a card as JSON holds it.

    Args:
        content: The card.
        design: What its architecture is expected to be, so that it is not resolved again.

    Returns:
        The card and its architecture, with the card's classes and anchors.

    Raises:
        SchemaError: It is not a detector's card.
    """
    content = dict(content)
    try:
        _check_types(content)
        anchors = _read_anchors(content.pop("anchors", None))
        content |= _read_protocols(content)
        metrics = content.pop("metrics", {}).items()
        card = Card(
            **{
                **content,
                "classes": tuple(content["classes"]),
                "anchors": anchors,
                "metrics": {name: math.nan if v is None else v for name, v in metrics},
            }
        )
        if card.resizing not in RESIZINGS:
            raise ValueError(f"resizing {card.resizing!r}; {' or '.join(RESIZINGS)} is allowed")
        if design is None or design.name != card.architecture:
            design = resolve(card.architecture)
        architecture = design.architecture.with_classes(len(card.classes))
        if anchors is not None:
            if len(anchors.aspect_ratios) != len(architecture.skeleton.head.aspect_ratios):
                raise ValueError("anchors of another number")
            architecture = architecture.with_anchors(anchors)
    except (KeyError, TypeError, ValueError, EvonasError) as error:
        raise SchemaError(f"not the card of a detector ({error})") from error
    return card, architecture


def _check_types(content: Mapping[str, Any]) -> None:
    """Refuses what a card cannot hold.

    Raises:
        ValueError: It says what.
    """
    check_classes(content.get("classes"))
    for name in ("architecture", "metrics_of", "resizing"):
        if not isinstance(content.get(name, ""), str):
            raise ValueError(f"{name}: expected text")
    for name, (low, high) in _RANGES.items():
        value = content.get(name, high)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name}: expected a number")
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}; it must be {low:g} to {high:g}")
    metrics, made = content.get("metrics", {}), content.get("made", {})
    if not isinstance(metrics, dict) or not isinstance(made, dict):
        raise ValueError("metrics and made: expected objects")
    for name, value in metrics.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"metrics: {name[:100]!r}: expected a number")


def _read_protocols(content: dict[str, Any]) -> dict[str, Any]:
    """Returns the card's protocols.

    Cards of version 1 have two thresholds, which are taken out of the content, and detected among
    200 candidates; they do not say how their metrics were measured, so that is said.
    """
    if "detection" in content or "protocol" in content:
        return {name: protocol_from(content[name]) for name in ("detection", "protocol")}
    old: dict[str, Any] = {
        k: content.pop(k) for k in ("score_threshold", "iou_threshold") if k in content
    }
    values = FAST.as_dict() | {"name": "version 1", "candidates": 200} | old
    of = ", ".join(filter(None, [str(content.get("metrics_of", "")), "protocol not stated"]))
    return {
        "detection": protocol_from(values),
        "protocol": FAST,
        "metrics_of": of if content.get("metrics") else "",
    }


def check_classes(classes: Any) -> None:
    """Refuses what are no names of classes.

    Raises:
        ValueError: It says what they must be.
    """
    if not isinstance(classes, list) or not 1 <= len(classes) <= _MOST_CLASSES:
        raise ValueError(f"classes must be a list of 1 to {_MOST_CLASSES} names")
    if not all(isinstance(name, str) and 0 < len(name) <= _MOST_CHARACTERS for name in classes):
        raise ValueError(f"names of classes must be texts of 1 to {_MOST_CHARACTERS} characters")


def _read_anchors(content: Any) -> AnchorShapes | None:
    if content is None:
        return None
    low, high = map(float, content["scales"])
    ratios = tuple(map(float, content["aspect_ratios"]))
    between = float(content["interpolated_ratio"])
    if not all(0 < value < math.inf for value in (low, high, between, *ratios)):
        raise ValueError("anchors without a size")
    return AnchorShapes((low, high), ratios, between)
