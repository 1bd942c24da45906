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
from evonas.detector.weights_file import load_weights, save_weights
from evonas.errors import EvonasError, SchemaError
from evonas.space import AnchorShapes, find_architecture
from evonas.space.costs import params as count_params

# What the numbers of a card may be.
_RANGES = {
    "mean": (-1e6, 1e6),
    "std": (1e-6, 1e6),
    "score_threshold": (0.0, 1.0),
    "iou_threshold": (0.0, 1.0),
}
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
        score_threshold: Detections of lower scores are dropped.
        iou_threshold: Of two boxes of a class that overlap by more, the better one stays.
        metrics: Figures such as `map`, and `metrics_of` says on which data.
        anchors: The anchors that it was trained for, if they are not the space's.
        made: Command, seed, versions, fingerprint of the data: whatever made the weights.
    """

    architecture: str
    classes: tuple[str, ...]
    mean: float = 127.5
    std: float = 127.5
    score_threshold: float = 0.01
    iou_threshold: float = 0.6
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
        return self.detect_normalised(images.float().sub_(self.card.mean).div_(self.card.std))

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
                self.card.score_threshold,
                self.card.iou_threshold,
            )


def save_archive(path: Path, archive: Archive) -> None:
    """Writes an archive, atomically.

    Raises:
        DataError: The place cannot be written.
    """
    card = {"kind": "detector", **asdict(archive.card)}
    save_weights(path, archive.detector.state_dict(), card)


def load_archive(path: Path | str) -> Archive:
    """Reads an archive; nothing in it is executed.

    Raises:
        SchemaError: Not an archive, damaged, of a newer version, or of another network.
    """
    path = Path(path)
    content, weights = load_weights(path, "a detector's archive, as `evonas export` makes them")
    try:
        if content.pop("kind") != "detector":
            raise ValueError("it is of another kind")
        card = _read_card(content)
        architecture = find_architecture(card.architecture)
        if card.anchors is not None:
            if len(card.anchors.aspect_ratios) != len(architecture.skeleton.head.aspect_ratios):
                raise ValueError("anchors of another number")
            architecture = architecture.with_anchors(card.anchors)
        architecture = architecture.with_classes(len(card.classes))
        if count_params(architecture) > sum(values.numel() for values in weights.values()):
            raise ValueError("weights that do not fit")  # found before they are made room for
    except (KeyError, TypeError, ValueError, EvonasError) as error:
        raise SchemaError(f"{path}: not the card of a detector ({error})") from error
    detector = Detector(architecture)
    try:
        detector.load_state_dict(weights)
    except RuntimeError as error:
        raise SchemaError(f"{path}: weights that do not fit {card.architecture}") from error
    return Archive(detector.to(memory_format=torch.channels_last), card)


def _read_card(content: dict[str, Any]) -> Card:
    """Returns the card that JSON tells.

    Raises:
        ValueError: A value that it cannot have.
        TypeError: A value is missing, or one too many.
    """
    check_classes(content.get("classes"))
    for name in ("architecture", "metrics_of"):
        if not isinstance(content.get(name, ""), str):
            raise ValueError(f"{name} is not text")
    for name, (low, high) in _RANGES.items():
        value = content.get(name, low)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name} is not a number")
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}; {low:g} to {high:g} is allowed")
    metrics, made = content.get("metrics", {}), content.get("made", {})
    if not isinstance(metrics, dict) or not isinstance(made, dict):
        raise ValueError("metrics or made is not an object")
    for name, value in metrics.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"metrics: {name[:100]!r} is not a number")
    told = {name: math.nan if value is None else value for name, value in metrics.items()}
    anchors = _read_anchors(content.get("anchors"))
    return Card(
        **{**content, "classes": tuple(content["classes"]), "anchors": anchors, "metrics": told}
    )


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
