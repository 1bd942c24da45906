import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from evonas.data import make_digits
from evonas.errors import ConfigurationError, DataError
from evonas.objectives import BY_SIZE
from evonas.scoring.supernet import SupernetScorer
from evonas.space import load_space
from evonas.space.make import SpaceChanges, make_space
from evonas.supernet import save_supernet
from evonas.supernet.train import new_supernet
from evonas.training.detections import Detections

SPACE = load_space("nano")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=20, val=12)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("supernet") / "nano.safetensors"
    card = {"space": "nano", "fingerprint": SPACE.fingerprint, "classes": list("0123456789")}
    save_supernet(path, new_supernet("nano", 10, seed=0).state_dict(), card)
    return path


def test_a_score_depends_on_nothing_scored_before_or_beside_it(weights, digits):
    scorer = SupernetScorer(weights, digits)
    genotypes = SPACE.sample(4, np.random.default_rng(0))
    together = scorer(genotypes)
    for i in reversed(range(4)):
        alone = SupernetScorer(weights, digits)(genotypes[i : i + 1])
        assert {name: values[i] for name, values in together.items()} == {
            name: values[0] for name, values in alone.items()
        }
    assert ((together["map"] >= 0) & (together["map"] <= together["map50"])).all()


def test_ap_by_size_is_of_thirds_of_the_objects(weights, digits):
    genotypes = SPACE.sample(2, np.random.default_rng(0))
    scorer = SupernetScorer(weights, digits, by_size=True)
    scores = scorer(genotypes)
    assert tuple(scores) == scorer.columns == ("map", "map50", *BY_SIZE)
    plain = SupernetScorer(weights, digits)(genotypes)
    assert {name: scores[name].tolist() for name in plain} == {
        name: values.tolist() for name, values in plain.items()
    }

    ground_truth = scorer.validation.ground_truth
    boxes = ground_truth.boxes.copy()
    boxes[:, 2:] += boxes[:, :2]
    labels = ground_truth.group % 10
    shares = ground_truth.areas / 64**2
    for found in (0, 1, 2):  # only the small ones, the middle ones, the large ones
        third = np.argsort(np.argsort(shares)) * 3 // len(shares) == found
        image = ground_truth.group[third] // 10
        detections = Detections(image, boxes[third], np.ones(third.sum()), labels[third])
        by_size = np.array(scorer.validation.precision_by_size(detections))
        assert by_size[found] > 0.9  # one on the limit belongs to both thirds
        assert (np.delete(by_size, found) < 0.1).all()


@pytest.mark.parametrize("areas", [[400.0] * 6, [0.0] * 6, [100.0]])
def test_objects_that_cannot_be_divided_by_size_are_refused(tmp_path, weights, digits, areas):
    shutil.copytree(digits, tmp_path / "alike")
    path = tmp_path / "alike" / "annotations" / "instances_val.json"
    scenes = json.loads(path.read_text())
    scenes["annotations"] = [
        {**box, "area": area}
        for box, area in zip(scenes["annotations"][: len(areas)], areas, strict=True)
    ]
    path.write_text(json.dumps(scenes))
    SupernetScorer(weights, tmp_path / "alike")
    with pytest.raises(DataError, match="cannot be divided by their size"):
        SupernetScorer(weights, tmp_path / "alike", by_size=True)


def test_layers_are_shared_between_neighbours_to_the_same_bits(weights, digits):
    pico = load_space("pico")
    genotypes = np.unique(pico.sample(300, np.random.default_rng(0)), axis=0)[:6]
    together = SupernetScorer(weights, digits, pico)(genotypes[::-1])["map"][::-1]
    alone = [SupernetScorer(weights, digits, pico)(row[None])["map"][0] for row in genotypes]
    np.testing.assert_array_equal(together, alone)


def test_a_contained_space_is_scored_by_the_same_supernet(weights, digits):
    pico = load_space("pico")
    genotypes = pico.sample(2, np.random.default_rng(0))
    inside = SupernetScorer(weights, digits)(pico.translate(genotypes, SPACE))
    np.testing.assert_array_equal(
        SupernetScorer(weights, digits, pico)(genotypes)["map"], inside["map"]
    )


def test_networks_that_only_share_their_layers_with_the_supernets_are_refused(weights, digits):
    with pytest.raises(
        ConfigurationError,
        match="weights of nano are not for networks of nano@cpu, which differ in activation and "
        "squeeze excite",
    ):
        SupernetScorer(weights, digits, load_space("nano@cpu"))
    with pytest.raises(ConfigurationError, match=r"which differ in image size$"):
        SupernetScorer(weights, digits, own_space(image_size=96))
    with pytest.raises(ConfigurationError, match=r"which differ in head$"):
        SupernetScorer(weights, digits, own_space(taps=(3, 4)))
    anchors = replace(SPACE.skeleton.head, scales=(0.1, 0.5), aspect_ratios=(0.7, 1.4))
    others = replace(SPACE, skeleton=replace(SPACE.skeleton, head=anchors))
    genotypes = SPACE.sample(2, np.random.default_rng(0))
    found, own = (SupernetScorer(weights, digits, space)(genotypes) for space in (others, SPACE))
    assert {name: values.tolist() for name, values in found.items()} == {
        name: values.tolist() for name, values in own.items()
    }


def own_space(**changes):
    space, _ = make_space("nano", "own", SpaceChanges(**changes))
    return space


def test_images_without_objects_are_refused(tmp_path, weights, digits):
    shutil.copytree(digits, tmp_path / "empty")
    path = tmp_path / "empty" / "annotations" / "instances_val.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"annotations": []}))
    with pytest.raises(DataError, match="no objects in the validation images"):
        SupernetScorer(weights, tmp_path / "empty")


def test_other_classes_are_refused(tmp_path, digits):
    path = tmp_path / "cats.safetensors"
    card = {"space": "nano", "fingerprint": SPACE.fingerprint, "classes": list("abcdefghij")}
    save_supernet(path, new_supernet("nano", 10, seed=0).state_dict(), card)
    with pytest.raises(ConfigurationError, match="was trained on"):
        SupernetScorer(path, digits)
