"""Anchors fitted to a data set overlap its boxes more, and go with the network."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evonas.cli import main
from evonas.data import load_coco, make_digits
from evonas.detector import anchor_boxes, box_iou
from evonas.detector.archive import load_archive
from evonas.space import load_space, resolve
from evonas.training.anchor_check import boxes_in_input, check_anchors
from evonas.training.anchor_fit import fit_anchors


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=60, val=10)


@pytest.mark.parametrize("space", ["nano", pytest.param("mobiledet", marks=pytest.mark.slow)])
def test_fitted_anchors_overlap_the_boxes_more(digits, space):
    dataset, skeleton = load_coco(digits, "train"), load_space(space).skeleton
    fitted = fit_anchors(dataset, skeleton)
    assert fitted == fit_anchors(dataset, skeleton)
    before, after = (
        check_anchors(dataset, each) for each in (skeleton, skeleton.with_anchors(fitted))
    )
    assert after.mean_overlap > before.mean_overlap
    assert after.matched >= before.matched


def test_fitting_again_from_what_was_fitted_gains_next_to_nothing(digits):
    dataset = load_coco(digits, "train")
    rng, count = np.random.default_rng(0), len(dataset.boxes)
    sides = np.exp(rng.normal(np.log(18), 0.3, (count, 2)))  # as defects of circuit boards
    dataset = replace(dataset, boxes=np.concatenate([rng.uniform(0, 40, (count, 2)), sides], 1))
    skeleton = load_space("femto").skeleton
    once = skeleton.with_anchors(fit_anchors(dataset, skeleton))
    twice = once.with_anchors(fit_anchors(dataset, once))
    boxes = boxes_in_input(dataset, skeleton.image_size)
    first, second = (
        float((1 - box_iou(boxes, anchor_boxes(each)).amax(1)).square().mean())
        for each in (once, twice)
    )
    assert first - 2e-3 < second <= first


def test_fitted_anchors_stand_in_the_archive_and_go_on_with_its_weights(digits, tmp_path):
    name = "pico:0000000"
    command = ["train", name, "--data", str(digits), "--threads", "1"]
    changes = ["steps=2", "batch_size=4", "warmup_steps=1", "validations=1"]
    changes = [part for change in changes for part in ("--set", change)]
    first, second = tmp_path / "first", tmp_path / "second"
    assert main([*command, *changes, "--set", "fit_anchors=true", "--out", str(first)]) == 0
    archive = load_archive(first / "best.safetensors")
    own = resolve(name).architecture.skeleton.head.anchors
    assert archive.card.anchors not in (None, own)
    assert archive.detector.architecture.skeleton.head.anchors == archive.card.anchors
    assert main([*command, *changes, "--init", str(first), "--out", str(second)]) == 0
    assert load_archive(second / "best.safetensors").card.anchors == archive.card.anchors
    assert json.loads((second / "card.json").read_text())["anchors"]["scales"] == [
        *archive.card.anchors.scales
    ]
