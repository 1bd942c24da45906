"""Training of a single network."""

from collections.abc import Callable
from pathlib import Path

import torch

from evonas.data.tensors import DetectionBatch
from evonas.detector import Detector
from evonas.space import Architecture
from evonas.training.loop import Progress, train
from evonas.training.recipe import Recipe
from evonas.training.validation import as_input


def train_detector(
    architecture: Architecture,
    data: DetectionBatch,
    recipe: Recipe,
    seed: int,
    checkpoint: Path | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Detector:
    """Trains a network from scratch and returns it with its averaged weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = Detector(architecture)
    detector = detector.to(memory_format=torch.channels_last)
    weights = train(detector, lambda _: architecture, data, recipe, seed, checkpoint, report=report)
    detector.load_state_dict(weights)
    # The averaged weights never ran; their batch norm statistics are taken anew.
    detector.calibrate(as_input(data.images[:512]))
    return detector
