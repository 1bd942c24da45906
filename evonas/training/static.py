"""Training of a single network."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from evonas.data.tensors import DetectionBatch
from evonas.detector import Detector
from evonas.space import Architecture
from evonas.training.loop import Progress, train
from evonas.training.recipe import Recipe
from evonas.training.validation import as_input

NORM_IMAGES = 512  # that set the batch norm of averaged weights


def train_detector(
    architecture: Architecture,
    data: DetectionBatch,
    recipe: Recipe,
    seed: int,
    checkpoint: Path | None = None,
    report: Callable[[Progress], None] | None = None,
    validate: Callable[[int, Detector], None] | None = None,
    checkpoint_seconds: float = 60.0,
) -> Detector:
    """Trains a network from scratch and returns it with its averaged weights.

    Args:
        architecture: The network's.
        data: Training images and boxes.
        recipe: How.
        seed: Decides initial weights, batches and augmentation.
        checkpoint: File from which an interrupted training goes on and to which it saves.
        report: Called with progress.
        validate: Called as often as the recipe says, with the steps done and the network as it
            would be returned, in evaluation mode.
        checkpoint_seconds: Time between two saves; it is saved after each validation too.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = Detector(architecture)
    detector = detector.to(memory_format=torch.channels_last)
    first = as_input(data.images[:NORM_IMAGES])

    def averaged(weights: dict[str, Tensor]) -> Detector:
        copy = Detector(architecture).to(memory_format=torch.channels_last)
        copy.load_state_dict(weights)
        # The averaged weights never ran; their batch norm statistics are taken anew.
        copy.calibrate(first)
        return copy.eval()

    def at_step(step: int, weights: dict[str, Tensor]) -> bool:
        if validate is not None:
            validate(step, averaged(weights))
        return False

    weights = train(
        detector, lambda _: architecture, data, recipe, seed, checkpoint, checkpoint_seconds,
        report=report, validate=at_step if validate else None,
    )  # fmt: skip
    return averaged(weights)
