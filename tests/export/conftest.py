from collections.abc import Callable

import numpy as np
import pytest
import torch

from evonas.data import load_coco, make_digits
from evonas.data.tensors import load_tensors
from evonas.detector import Detector
from evonas.detector.archive import Archive, Card
from evonas.space import Architecture, load_space, resolve
from evonas.training.validation import as_input

CLASSES = tuple("0123456789")


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=24, val=12)


@pytest.fixture(scope="session")
def pixels(digits) -> torch.Tensor:
    return load_tensors(load_coco(digits, "train"), 64).images


@pytest.fixture(scope="session", name="speaking")
def speaking_fixture() -> Callable[[Architecture, torch.Tensor], Detector]:
    return speaking


def speaking(architecture: Architecture, images: torch.Tensor) -> Detector:
    """Returns a network that was never trained, but sees something everywhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        detector = Detector(architecture)
        for name in detector.units:
            unit = detector.unit(name)
            if not unit.largest.batch_norm:
                torch.nn.init.normal_(unit.weight, std=0.1)
                torch.nn.init.normal_(unit.bias, -3 if "classes" in name else 0, 1)
            elif unit.scale is not None:
                torch.nn.init.uniform_(unit.scale, 0.5, 1.5)
    detector.calibrate(as_input(images))
    return detector.eval()


@pytest.fixture(scope="session")
def make_archive(pixels) -> Callable[[str], Archive]:
    def make(space_name: str) -> Archive:
        space = load_space(space_name)
        arch_id = space.arch_ids(space.sample(1, np.random.default_rng(1)))[0]
        detector = speaking(resolve(arch_id).architecture, pixels)
        return Archive(detector, Card(arch_id, CLASSES, metrics={"map": 0.25}, made={"seed": 0}))

    return make


@pytest.fixture(scope="session")
def archive(make_archive) -> Archive:
    return make_archive("nano")
