"""An architecture's archive with the weights that it inherits from a supernet."""

import hashlib
from pathlib import Path

import torch

from evonas.data import data_fingerprint, load_coco
from evonas.data.tensors import load_tensors
from evonas.detector.archive import Archive, Card
from evonas.errors import ConfigurationError
from evonas.space import resolve
from evonas.supernet.weights import CALIBRATION_IMAGES, load_supernet
from evonas.training.validation import as_input


def extract_archive(arch_id: str, weights: Path, data: Path) -> Archive:
    """Cuts a network out of a supernet; its batch norm is set by training images.

    Args:
        arch_id: An architecture of the supernet's space or of one contained in it.
        weights: The supernet's `.safetensors` file.
        data: COCO-format folder with the train split it was trained on.

    Raises:
        SchemaError: The weights cannot be used.
        GenotypeError: The architecture is not in the supernet's space.
        ConfigurationError: The data's classes are not the supernet's, or the network is a point of
            no space or another one than that of the same layers in the supernet.
    """
    supernet, card = load_supernet(weights)
    dataset = load_coco(data, "train").first(CALIBRATION_IMAGES)
    if list(dataset.class_names) != card["classes"]:
        raise ConfigurationError(
            f"{data}: classes {list(dataset.class_names)}, but {weights} was trained on "
            f"{card['classes']}"
        )
    design = resolve(arch_id)
    if design.space is not None:
        supernet.refuse_other_networks(design.space)
    detector = supernet.extract_design(design)
    images = load_tensors(dataset, supernet.space.skeleton.image_size).images
    detector.calibrate(as_input(images))
    detector.eval()
    made = {
        "source": "supernet",
        "weights": hashlib.sha256(weights.read_bytes()).hexdigest()[:16],
        "data": data_fingerprint(data),
        "torch": torch.__version__,
    }
    return Archive(detector, Card(arch_id, tuple(dataset.class_names), made=made))
