"""Imported weights as the start of a training on other classes."""

import json

import pytest
import torch

from evonas.data import load_coco, make_digits
from evonas.data.tensors import load_tensors
from evonas.detector import Detector
from evonas.detector.archive import Archive, load_archive, save_archive
from evonas.retraining import RunFolder, plan_training
from evonas.retraining.initial import initial_card, initial_detector
from evonas.retraining.run import run_training
from evonas.space import load_published
from evonas.weights import import_weights
from tests.weights.test_checkpoint import PREFIX, variables_of
from tests.weights.tf_writer import write_bundle

NAME = "mobiledet-cpu"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imported")
    write_bundle(folder / PREFIX, variables_of(NAME))
    path = folder / f"{NAME}.safetensors"
    save_archive(path, import_weights(folder, NAME).archive)
    return path


def test_classes_of_the_same_name_keep_their_weights(imported):
    classes = ("dog", "my own thing", "person")
    architecture = load_published(NAME).with_classes(3)
    ours = initial_detector(NAME, architecture, classes, str(imported), 0, None)
    archive = load_archive(imported)
    theirs, known = archive.detector, archive.card.classes
    assert initial_card(str(imported)).resizing == "tf1"
    for level, anchors in enumerate((3, 6, 6, 6, 6, 6)):
        name = f"head{level}_classes1"
        mine = ours.unit(name).weight.reshape(anchors, 3, -1)
        before = theirs.unit(name).weight.reshape(anchors, 80, -1)
        assert torch.equal(mine[:, 0], before[:, known.index("dog")])
        assert torch.equal(mine[:, 2], before[:, known.index("person")])
        assert mine[:, 1].abs().max() < 0.1  # random, where the others are 0.5 to 1.5
        boxes = f"head{level}_boxes1"
        assert torch.equal(ours.unit(boxes).weight, theirs.unit(boxes).weight)
    assert torch.equal(ours.unit("stem").weight, theirs.unit("stem").weight)


@pytest.mark.slow
def test_a_training_goes_on_with_the_archives_resizing(imported, tmp_path):
    digits = make_digits(tmp_path / "digits", train=4, val=2)
    folder = RunFolder(tmp_path / "run")
    changes = ["steps=1", "batch_size=2", "validations=1"]
    archive = load_archive(imported)  # its weights, 0.5 to 1.5, are too large to train
    torch.manual_seed(0)
    weights = tmp_path / "weights.safetensors"
    save_archive(weights, Archive(Detector(archive.detector.architecture), archive.card))
    folder.create(plan_training(NAME, digits, "mobiledet-small-data", changes, init=str(weights)))
    run_training(folder.path)
    card = load_archive(folder.best).card
    assert (card.resizing, card.classes) == ("tf1", tuple("0123456789"))
    metrics = json.loads(folder.metrics.read_text())
    assert metrics["resizing"] == "tf1"
    assert metrics["protocol"]["name"] == "fast"
    assert len(load_tensors(load_coco(digits, "val"), 320, "tf1")) == 2
