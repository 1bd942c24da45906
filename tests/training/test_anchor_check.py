import json
import shutil

import pytest
from PIL import Image

from evonas.cli import main
from evonas.data import find_duplicates, load_coco, make_digits
from evonas.data.grid import picture_grid
from evonas.space import load_published, load_space
from evonas.training.anchor_check import check_anchors


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=10, val=4)


def test_anchors_of_nano_suit_digits_better_than_those_of_mobiledet(digits):
    dataset = load_coco(digits, "train")
    nano = check_anchors(dataset, load_space("nano").skeleton)
    assert nano.matched > 0.8
    assert nano.poor == 0
    assert (
        nano.mean_overlap
        > check_anchors(dataset, load_published("mobiledet-cpu").skeleton).mean_overlap
    )


def test_the_same_image_in_two_splits_is_found(digits, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(digits, data)
    splits = {split: load_coco(data, split) for split in ("train", "val")}
    assert find_duplicates(splits) == []
    shutil.copy(data / "train" / "000003.png", data / "val" / "000001.png")
    assert find_duplicates(splits) == [("train/000003.png", "val/000001.png")]


def test_a_grid_shows_the_images(digits):
    grid = picture_grid(load_coco(digits, "val"))
    assert grid.size == (4 * 240, 240)
    assert len(grid.getcolors(10**6)) > 1000


def test_the_command_tells_all(digits, tmp_path, capsys):
    picture = tmp_path / "grid.png"
    arguments = ["data", "check", str(digits), "--anchors", "nano", "--grid", str(picture)]
    assert main(arguments) == 0
    assert "against the anchors of nano" in capsys.readouterr().out
    assert Image.open(picture).size[0] == 6 * 240
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["duplicates"] == []
    assert told["anchors"]["val"]["poor"] == 0
    assert main(["data", "check", str(digits), "--anchors", "nope"]) == 2
