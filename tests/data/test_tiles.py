import json
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from evonas.cli import main
from evonas.data import data_fingerprint, load_coco
from evonas.data.tile import NOT_KEPT, SEEN_TOO_LITTLE, TileOptions, tile_dataset
from evonas.data.tiling import Tiling, parse_scale, to_whole
from evonas.errors import ConfigurationError, DataError
from tests.data.layouts import coco

ALL = {"keep_empty": 1.0}


@pytest.fixture
def large(tmp_path):
    """Images of 100x80 pixels; scaled to half, 50x40."""
    boxes = [(1, [0, 0, 30, 30]), (2, [28, 20, 20, 20]), (1, [64, 0, 20, 64])]
    return coco(tmp_path / "large", boxes, n=2)


def tiles(out, split="train"):
    dataset = load_coco(out, split)
    content = json.loads(dataset.annotation_file.read_text())
    return dataset, {image["id"]: image["tile"] for image in content["images"]}


def test_tiles_lie_where_they_say(large, tmp_path):
    tile_dataset(large, tmp_path / "out", TileOptions(Tiling(16, 0.5), **ALL))
    dataset, places = tiles(tmp_path / "out")
    assert len(dataset) == 2 * 4 * 3  # 50x40: lefts 0, 16, 32, 34; tops 0, 16, 24
    assert {tuple(p["offset"]) for p in places.values()} == {
        (left, top) for left in (0, 16, 32, 34) for top in (0, 16, 24)
    }
    for index, image_id in enumerate(dataset.image_ids.tolist()):
        place = places[image_id]
        whole = Image.open(large / "train" / place["source"]).convert("RGB")
        left, top = place["offset"]
        expected = whole.resize((50, 40), Image.Resampling.BILINEAR)
        expected = expected.crop((left, top, left + 16, top + 16))
        shown = Image.open(dataset.path_of(index)).convert("RGB")
        np.testing.assert_array_equal(np.asarray(shown), np.asarray(expected))


def test_a_box_belongs_to_tiles_that_show_half_of_it(large, tmp_path):
    conversion = tile_dataset(large, tmp_path / "out", TileOptions(Tiling(16, 0.5), **ALL))
    dataset, places = tiles(tmp_path / "out")
    found = {}
    for k, box in enumerate(dataset.boxes.tolist()):
        place = places[int(dataset.image_ids[dataset.image_index[k]])]
        if place["source"] == "f0.jpg":
            found.setdefault(tuple(place["offset"]), []).append((int(dataset.labels[k]), *box))
    # Scaled: 0,0,15,15 lies in the first tile; 14,10,10,10 is shown by 48 % in tile 16,0 at most;
    # 32,0,10,32 is shown to a half by two tiles, and by 40 % in the column at 34.
    assert found == {
        (0, 0): [(0, 0, 0, 15, 15)],
        (32, 0): [(0, 0, 0, 10, 16)],
        (32, 16): [(0, 0, 0, 10, 16)],
    }
    account = conversion.splits["train"]
    assert account.dropped == {SEEN_TOO_LITTLE: 2}
    assert account.boxes_read == 6
    repeated = sum(account.changed.values())
    assert account.boxes_written == account.boxes_read - 2 + repeated == len(dataset.boxes)


def test_boxes_on_tiles_are_put_back_on_whole_images(large, tmp_path):
    tile_dataset(large, tmp_path / "out", TileOptions(Tiling(24, 0.5, overlap=8), **ALL))
    dataset, places = tiles(tmp_path / "out")
    whole = {(0.0, 0.0, 30.0, 30.0), (28.0, 20.0, 48.0, 40.0)}
    back = set()
    for k, (left, top, wide, high) in enumerate(dataset.boxes.tolist()):
        place = places[int(dataset.image_ids[dataset.image_index[k]])]
        box = np.array([[left, top, left + wide, top + high]])
        back.add(tuple(to_whole(box, place["offset"], place["scale"])[0].tolist()))
    assert whole <= back


def test_empty_tiles_are_drawn_by_seed(large, tmp_path):
    counts = {}
    for name, share, seed in (("no", 0, 0), ("a", 0.5, 0), ("b", 0.5, 0), ("c", 0.5, 1)):
        options = TileOptions(Tiling(16, 0.5), keep_empty=share, seed=seed)
        account = tile_dataset(large, tmp_path / name, options).splits["train"]
        counts[name] = account.images_without_boxes
    assert counts["no"] == 0
    assert 0 < counts["a"] < 20
    assert data_fingerprint(tmp_path / "a") == data_fingerprint(tmp_path / "b")
    assert data_fingerprint(tmp_path / "a") != data_fingerprint(tmp_path / "c")


def test_an_image_smaller_than_a_tile_is_padded(large, tmp_path):
    tile_dataset(large, tmp_path / "out", TileOptions(Tiling(128)))
    dataset, _ = tiles(tmp_path / "out")
    assert dataset.sizes.tolist() == [[128, 128]] * 2
    assert len(dataset.boxes) == 6
    pixels = np.asarray(Image.open(dataset.path_of(0)))
    assert (pixels[80:] == 128).all()
    assert (pixels[:, 100:] == 128).all()


def test_tiles_cover_an_image_with_the_overlap_asked_for():
    for side in (64, 65, 100, 320, 1000):
        for size, overlap in ((64, 0), (64, 20), (32, 28)):
            starts = Tiling(size, 1.0, overlap).offsets(side, side)[:, 0]
            starts = sorted(set(starts.tolist()))
            assert starts[0] == 0
            assert starts[-1] == max(0, side - size)
            assert all(b - a <= size - overlap for a, b in pairwise(starts))
    assert len(Tiling(64, 320).offsets(320, 320)) == 25


def test_the_command(large, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["data", "tile", str(large), "--size", "16", "--scale", "50", "--json"]
    assert main([*arguments, "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fingerprint"] == data_fingerprint(out)
    assert main([*arguments, "--out", str(out)]) == 3
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Tiling(4),
        lambda: Tiling(16, overlap=16),
        lambda: Tiling(16, -1.0),
        lambda: TileOptions(Tiling(16), least_visible=0),
        lambda: TileOptions(Tiling(16), keep_empty=1.1),
        lambda: TileOptions(Tiling(16), seed=-1),
        lambda: Tiling(8, 1.0).offsets(10_000, 10_000),
        lambda: parse_scale("half"),
        lambda: parse_scale("-2"),
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=r"must be|required|allowed|expected"):
        wrong()


def test_a_scale_beyond_the_limit_of_pixels_is_refused(large, tmp_path):
    with pytest.raises(ConfigurationError, match="at most 64,000,000 pixels"):
        tile_dataset(large, tmp_path / "out", TileOptions(Tiling(16, 10**9), **ALL))
    assert not (tmp_path / "out").exists()


def test_tiles_that_lose_every_box_are_refused(large, tmp_path):
    with pytest.raises(DataError, match="no tile of train has a box: 6 are shown too little"):
        tile_dataset(large, tmp_path / "out", TileOptions(Tiling(16, 1), **ALL))
    assert not (tmp_path / "out").exists()


def test_boxes_to_be_ignored_that_no_tile_has_are_in_the_account(tmp_path):
    folder = coco(tmp_path / "d", [(1, [2, 2, 8, 8]), (1, [60, 40, 8, 8])], n=1)
    file = folder / "annotations/instances_train.json"
    content = json.loads(file.read_text())
    content["annotations"][1]["iscrowd"] = 1
    file.write_text(json.dumps(content))
    options = TileOptions(Tiling(40), keep_empty=0)
    account = tile_dataset(folder, tmp_path / "out", options).splits["train"]
    assert (account.boxes_read, account.boxes_written, account.changed) == (2, 1, {})
    assert account.dropped == {NOT_KEPT: 1}
