"""A trained detector as one file: weights as safetensors, and a card with all that they need."""

import json
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
from evonas.errors import EvonasError, SchemaError
from evonas.files import write_atomically
from evonas.space import AnchorShapes, Design, resolve

_VERSION = 1


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
    from safetensors.torch import save

    weights = {name: value.contiguous() for name, value in archive.detector.state_dict().items()}
    card = {"version": _VERSION, "kind": "detector", **asdict(archive.card)}
    write_atomically(path, save(weights, metadata={"card": json.dumps(card)}))


def load_archive(path: Path | str, design: Design | None = None) -> Archive:
    """Reads an archive; nothing in it is executed.

    Args:
        path: The file.
        design: The network that it is likely to hold, if it has been resolved already.

    Raises:
        SchemaError: Not an archive, damaged, of a newer version, or of another network.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            content = json.loads((file.metadata() or {})["card"])
            weights = {name: file.get_tensor(name) for name in file.keys()}
        if content.pop("kind") != "detector":
            raise KeyError("kind")
        version = content.pop("version")
    except FileNotFoundError as error:
        raise SchemaError(f"{path}: no such file; `evonas export` makes archives") from error
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise SchemaError(f"{path}: not the archive of a detector ({error})") from error
    if version > _VERSION:
        raise SchemaError(f"{path}: version {version}; this evonas reads {_VERSION}")
    try:
        anchors = _read_anchors(content.pop("anchors", None))
        card = Card(**{**content, "classes": tuple(content["classes"]), "anchors": anchors})
        if design is None or design.name != card.architecture:
            design = resolve(card.architecture)
        architecture = design.architecture
        if anchors is not None:
            if len(anchors.aspect_ratios) != len(architecture.skeleton.head.aspect_ratios):
                raise ValueError("anchors of another number")
            architecture = architecture.with_anchors(anchors)
    except (KeyError, TypeError, ValueError, EvonasError) as error:
        raise SchemaError(f"{path}: not the card of a detector ({error})") from error
    detector = Detector(architecture.with_classes(len(card.classes)))
    try:
        detector.load_state_dict(weights)
    except RuntimeError as error:
        raise SchemaError(f"{path}: weights that do not fit {card.architecture}") from error
    return Archive(detector.to(memory_format=torch.channels_last), card)


def _read_anchors(content: Any) -> AnchorShapes | None:
    if content is None:
        return None
    low, high = map(float, content["scales"])
    ratios = tuple(map(float, content["aspect_ratios"]))
    between = float(content["interpolated_ratio"])
    if not all(0 < value < math.inf for value in (low, high, between, *ratios)):
        raise ValueError("anchors without a size")
    return AnchorShapes((low, high), ratios, between)
