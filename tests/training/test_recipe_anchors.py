"""Anchors that a recipe states are those that its networks are trained with."""

import json

import pytest

from evonas.cli import main
from evonas.data import make_digits
from evonas.detector.archive import load_archive
from evonas.errors import ConfigurationError
from evonas.space import AnchorShapes, resolve
from evonas.supernet.train import train_supernet
from evonas.training.recipe import Recipe, describe_recipe, recipe_from
from evonas.training.recipes import (
    RECIPES,
    SUPERNET_RECIPES,
    load_recipe,
    load_supernet_recipe,
    recipe_changes,
)

SHAPES = AnchorShapes((0.2, 0.5), (0.7, 1.2), 1.1)
CHANGES = [
    "anchors.scales=[0.2, 0.5]",
    "anchors.aspect_ratios=[0.7, 1.2]",
    "anchors.interpolated_ratio=1.1",
]


def test_anchors_survive_the_command_line_and_a_file():
    recipe = load_recipe("nano", CHANGES)
    assert recipe.anchors == SHAPES
    assert recipe_changes(recipe, RECIPES["nano"]) == CHANGES
    assert recipe_from(json.loads(json.dumps(describe_recipe(recipe)))) == recipe
    assert recipe_changes(RECIPES["nano"], recipe) == ["anchors=null"]
    assert load_recipe("boards", ["anchors=null"]).anchors is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["anchors=3"], "anchors must have scales, aspect_ratios, interpolated_ratio"),
        (CHANGES[:2], "anchors must have"),
        (["anchors.scales=[0.5, 0.2]", *CHANGES[1:]], "smaller one first"),
        ([*CHANGES[:2], "anchors.interpolated_ratio=0"], "ratios from 0.01 to 100"),
        ([*CHANGES[:2], "anchors.interpolated_ratio=.nan"], "ratios from 0.01 to 100"),
        ([*CHANGES, "fit_anchors=true"], "fit_anchors and anchors exclude each other"),
    ],
)
def test_impossible_anchors_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        load_recipe("nano", changes)


def test_networks_get_the_anchors_and_refuse_those_of_another_head():
    network = resolve("pico:0000000").architecture
    recipe = Recipe(steps=1, anchors=SHAPES)
    assert recipe.with_anchors(network) == network.with_anchors(SHAPES)
    assert Recipe(steps=1).with_anchors(network) == network
    with pytest.raises(ConfigurationError, match="2 aspect ratios; the network's head has 5"):
        recipe.with_anchors(resolve("mobiledet-cpu").architecture)


@pytest.mark.parametrize("changes", [CHANGES, ["fit_anchors=true"]])
def test_supernets_refuse_anchors_that_are_not_their_spaces(changes, tmp_path):
    with pytest.raises(ConfigurationError, match="anchors is not for supernets, whose anchors"):
        load_supernet_recipe("nano", changes)
    with pytest.raises(ConfigurationError, match="anchors is not for supernets"):
        train_supernet("pico", tmp_path, tmp_path / "s.safetensors", load_recipe("nano", changes))
    for name, recipe in SUPERNET_RECIPES.items():
        assert load_supernet_recipe(name) == recipe


def test_a_run_is_trained_with_the_recipes_anchors(tmp_path):
    digits = make_digits(tmp_path / "digits", train=16, val=6)
    changes = ["steps=2", "batch_size=4", "warmup_steps=1", "validations=1", *CHANGES]
    options = [part for change in changes for part in ("--set", change)]
    command = ["train", "pico:0000000", "--data", str(digits), "--threads", "1"]
    assert main([*command, *options, "--out", str(tmp_path / "run")]) == 0
    archive = load_archive(tmp_path / "run" / "best.safetensors")
    assert archive.card.anchors == SHAPES
    assert archive.detector.architecture.skeleton.head.anchors == SHAPES
