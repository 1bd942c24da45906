import json

import numpy as np
import pytest
from PIL import Image

from evonas.data import data_fingerprint, load_coco, make_digits
from evonas.data.glyphs import N_CLASSES, Pose, is_ink, lay, load_glyphs
from evonas.data.scenes import draw_scene
from evonas.errors import ConfigurationError, DataError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=30, val=12)


def test_same_seed_gives_the_same_bytes(folder, tmp_path):
    again = make_digits(tmp_path / "again", train=30, val=12)
    assert data_fingerprint(again) == data_fingerprint(folder)
    other = make_digits(tmp_path / "other", train=30, val=12, seed=1)
    assert data_fingerprint(other) != data_fingerprint(folder)


def test_bytes_are_those_of_the_first_release(folder):
    # A change here changes every figure ever measured on digits scenes.
    assert data_fingerprint(folder) == "6e84a183f00e6a7c"


def test_a_scene_does_not_depend_on_the_others(folder):
    stored = np.asarray(Image.open(folder / "train" / "000017.png"))
    np.testing.assert_array_equal(draw_scene(0, "train", 17).image, stored)


def test_splits_share_no_digit():
    train = {glyph.tobytes() for glyphs in load_glyphs("train") for glyph in glyphs}
    val = {glyph.tobytes() for glyphs in load_glyphs("val") for glyph in glyphs}
    assert min(len(train), len(val)) > 250
    assert not train & val


def test_scenes_are_what_they_promise():
    scenes = [draw_scene(3, "val", index) for index in range(200)]
    counts = np.array([len(scene.labels) for scene in scenes])
    assert counts.min() >= 1
    assert counts.max() <= 5
    boxes = np.concatenate([scene.boxes for scene in scenes])
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= 64).all()
    heights = boxes[:, 3] - boxes[:, 1]
    assert heights.min() >= 10  # an overlapped digit may lose a row or two
    assert heights.max() <= 45  # a slanted one may gain as many
    assert np.median(heights) < 22  # more small than large
    assert set(np.concatenate([scene.labels for scene in scenes])) == set(range(N_CLASSES))


def test_boxes_are_tight_on_the_ink():
    mask = lay(load_glyphs("train")[5][0], Pose(height=20, width=14, slant=6, threshold=70))
    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert is_ink(edge).any()


def test_larger_scenes_have_larger_digits():
    heights = [np.diff(draw_scene(0, "train", i, size=128).boxes[:, [1, 3]]) for i in range(40)]
    assert 18 - 4 <= np.concatenate(heights).min()
    assert np.concatenate(heights).max() > 40


def test_folder_reads_as_coco(folder):
    dataset = load_coco(folder, "train")
    assert len(dataset) == 30
    assert dataset.class_names == tuple("0123456789")
    assert dataset.category_ids.tolist() == list(range(1, 11))
    content = json.loads((folder / "annotations" / "instances_train.json").read_text())
    assert all(len(image["file_name"]) == len("000000.png") for image in content["images"])


def test_refuses_a_folder_that_holds_something(folder):
    before = data_fingerprint(folder)
    with pytest.raises(DataError, match="exists and is not an empty folder"):
        make_digits(folder, train=1, val=1)
    assert data_fingerprint(folder) == before


def test_leaves_nothing_behind_when_it_fails(tmp_path):
    def stop(done, total):
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        make_digits(tmp_path / "digits", train=2, val=1, on_image=stop)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [{"train": 0}, {"val": -1}, {"size": 8}, {"seed": -1}])
def test_refuses_numbers_out_of_range(tmp_path, arguments):
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        make_digits(tmp_path / "digits", **arguments)


def test_fingerprint_covers_pixels_and_boxes(tmp_path):
    folder = make_digits(tmp_path / "digits", train=2, val=1)
    first = data_fingerprint(folder)
    image = folder / "val" / "000000.png"
    image.write_bytes(image.read_bytes()[:-1] + b"x")
    second = data_fingerprint(folder)
    annotations = folder / "annotations" / "instances_val.json"
    annotations.write_text(annotations.read_text() + " ")
    assert len({first, second, data_fingerprint(folder)}) == 3


def test_fingerprint_needs_annotations(tmp_path):
    with pytest.raises(DataError, match=r"no \*/\*\.json"):
        data_fingerprint(tmp_path)
