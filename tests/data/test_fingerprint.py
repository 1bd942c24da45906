import json

import pytest

from evonas.data import data_fingerprint, make_digits
from tests.data.layouts import coco, image

BOXES = [(1, [10, 10, 30, 30])]


def test_digits_keep_the_fingerprint_that_shipped_files_carry(tmp_path):
    folder = make_digits(tmp_path / "digits", train=20, val=5)
    assert data_fingerprint(folder) == "7e9401ea651b1f0d"  # by release 0.1


@pytest.mark.slow
def test_the_shipped_supernet_was_trained_on_the_digits_made_here(tmp_path):
    from pathlib import Path

    card = json.loads(Path("benchmark_data/supernets/nano.json").read_text())
    folder = make_digits(tmp_path / "digits")
    assert data_fingerprint(folder) == card["data_fingerprint"]


def test_it_is_the_same_wherever_the_folder_lies(tmp_path):
    folder = coco(tmp_path / "a", BOXES)
    before = data_fingerprint(folder)
    folder.rename(tmp_path / "b")
    assert data_fingerprint(tmp_path / "b") == before


def rename(folder, old, new):
    for file in folder.glob("annotations/*.json"):
        content = file.read_text().replace(json.dumps(old), json.dumps(new))
        file.write_text(content)


def behind_a_linked_folder(folder, outside):
    (folder / "train").rename(outside / "train")
    (folder / "train").symlink_to(outside / "train")
    return outside / "train" / "f0.jpg"


def of_an_unknown_suffix(folder, outside):
    (folder / "train" / "f0.jpg").rename(folder / "train" / "f0.jfif")
    (folder / "val" / "f0.jpg").rename(folder / "val" / "f0.jfif")
    rename(folder, "f0.jpg", "f0.jfif")
    return folder / "train" / "f0.jfif"


def outside_by_a_path(folder, outside):
    for split in ("train", "val"):
        (folder / split / "f0.jpg").rename(outside / f"{split}.jpg")
    rename(folder, "f0.jpg", "../../outside/train.jpg")
    return outside / "train.jpg"


def outside_by_an_absolute_path(folder, outside):
    moved = (folder / "train" / "f0.jpg").rename(outside / "f.jpg")
    rename(folder, "f0.jpg", str(moved))
    return moved


def in_the_folder(folder, outside):
    return folder / "val" / "f3.jpg"


@pytest.mark.parametrize(
    "place",
    [in_the_folder, behind_a_linked_folder, of_an_unknown_suffix, outside_by_a_path,
     outside_by_an_absolute_path],
)  # fmt: skip
def test_it_covers_each_image_that_annotations_name(tmp_path, place):
    (tmp_path / "outside").mkdir()
    folder = coco(tmp_path / "d", BOXES)
    file = place(folder, tmp_path / "outside")
    before = data_fingerprint(folder)
    assert data_fingerprint(folder) == before
    image(file.with_suffix(".png")).rename(file)
    assert data_fingerprint(folder) != before
