"""The networks of `export_check`: published and random ones, untrained and trained a little."""

from pathlib import Path

import numpy as np
import torch

from evonas.data.coco import CocoDataset
from evonas.data.tensors import load_tensors
from evonas.detector import Detector
from evonas.detector.archive import Archive, Card
from evonas.export.produce import calibration_images
from evonas.space import Architecture, load_space, resolve
from evonas.training.anchor_fit import fit_anchors
from evonas.training.loop import train
from evonas.training.recipes import load_recipe
from evonas.training.validation import as_input

PUBLISHED = ("mobiledet-cpu", "mobiledet-edgetpu", "mobiledet-dsp", "mobiledet-gpu")
SEED = 0
# The recipe of the boards without its anchors, which are fitted to the photographs; rate and batch
# are those of the project's first trials on whole boards.
_RECIPE = ("batch_size=8", "learning_rate=4e-3", "warmup_steps=20", "anchors=null")


def random_networks(count: int) -> list[str]:
    """Returns `arch_id`s, half of them under the CPU's rules: h-swish, squeeze-and-excite."""
    found: list[str] = []
    for name, n in (("mobiledet", count - count // 2), ("mobiledet@cpu", count // 2)):
        space = load_space(name)
        found += space.arch_ids(space.sample(n, np.random.default_rng(SEED)))
    return found


def made(name: str, weights: str, photographs: CocoDataset, folder: Path) -> Archive:
    """Returns a network with weights of one kind.

    Args:
        name: An `arch_id`, or the name of a published network.
        weights: `initial`; `speaking`, with batch norm of photographs and random heads; or the
            number of steps that it is trained for.
        photographs: Training images.
        folder: Takes the checkpoint of a training.
    """
    torch.manual_seed(SEED)
    classes = photographs.class_names
    architecture = resolve(name).architecture.with_classes(len(classes))
    if weights.isdigit():
        return trained(name, int(weights), architecture, photographs, folder)
    detector = Detector(architecture)
    if weights == "speaking":
        speak(detector, calibration_images(photographs, architecture.skeleton.image_size, 4))
    return Archive(detector.eval(), Card(name, classes))


def speak(detector: Detector, images: torch.Tensor) -> None:
    """Makes a network see something everywhere: batch norm of images, random heads."""
    for name in detector.units:
        unit = detector.unit(name)
        if not unit.largest.batch_norm:
            torch.nn.init.normal_(unit.weight, std=0.1)
            torch.nn.init.normal_(unit.bias, -3 if "classes" in name else 0, 1)
    detector.calibrate(as_input(images))


def trained(
    name: str, steps: int, architecture: Architecture, photographs: CocoDataset, folder: Path
) -> Archive:
    """Returns a network after some steps on the photographs."""
    recipe = load_recipe("boards", [f"steps={steps}", *_RECIPE])
    anchors = fit_anchors(photographs, architecture.skeleton)
    architecture = architecture.with_anchors(anchors)
    detector = Detector(architecture)
    images = load_tensors(photographs, architecture.skeleton.image_size)
    average = train(
        detector,
        lambda step: architecture,
        images,
        recipe,
        SEED,
        folder / "checkpoint.pt",
        report=lambda now: print(f"{name}: step {now.step}, loss {now.loss:.3f}", flush=True),
    )
    detector.load_state_dict(average)
    return Archive(detector.eval(), Card(name, photographs.class_names, anchors=anchors))
