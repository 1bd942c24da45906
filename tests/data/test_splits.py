import json

import numpy as np
import pytest

from evonas.cli import main
from evonas.data import list_splits, load_coco
from evonas.data.formats.source import RawBox, RawImage
from evonas.data.splits import assign_splits, stratified
from evonas.errors import ConfigurationError, DataError
from tests.data.layouts import coco, image, text


def test_each_class_has_the_shares_asked_for():
    rng = np.random.default_rng(0)
    rare = [frozenset({"rare", "common"})] * 20
    kinds = [*rare, *[frozenset({"common"})] * 380, *[frozenset()] * 100]
    kinds = [kinds[i] for i in rng.permutation(len(kinds))]
    shares = {"train": 0.7, "val": 0.2, "test": 0.1}
    for seed in range(5):
        chosen = stratified(kinds, range(len(kinds)), shares, seed)
        for split, share in shares.items():
            held = [k for k, s in zip(kinds, chosen, strict=True) if s == split]
            assert len(held) == 500 * share
            assert sum("rare" in k for k in held) == 20 * share
            assert abs(sum("common" in k for k in held) - 400 * share) <= 1


def test_a_seed_gives_one_division():
    kinds = [frozenset({"a"})] * 40
    first, again, other = (
        stratified(kinds, range(40), {"train": 0.5, "val": 0.5}, seed) for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.fixture
def images(tmp_path):
    box = RawBox("cat", 1, 1, 9, 9)
    return [RawImage(image(tmp_path / f"f{i}.png", (8, 8)), (box,)) for i in range(20)]


def test_copies_stay_together(images):
    for i in range(0, 20, 2):
        images[i].path.write_bytes(images[i + 1].path.read_bytes())
    chosen = assign_splits(images, {"val": "0.5"})
    assert chosen.count("val") == 10
    assert all(chosen[i] == chosen[i + 1] for i in range(0, 20, 2))


def test_what_shares_leave_is_train_or_nothing(images):
    assert assign_splits(images, {"val": "0.25"}).count("train") == 15
    chosen = assign_splits(images, {"train": "0.5", "val": "0.25"})
    assert [chosen.count(split) for split in ("train", "val", "")] == [10, 5, 5]


def test_lists_go_before_shares(images, tmp_path):
    text(tmp_path / "held out.txt", f"f3\n{images[4].path}\nf5.png\n")
    chosen = assign_splits(images, {"test": str(tmp_path / "held out.txt"), "val": "0.2"})
    assert [i for i, split in enumerate(chosen) if split == "test"] == [3, 4, 5]
    assert chosen.count("val") == 3
    text(tmp_path / "other.txt", "f3\n")
    with pytest.raises(DataError, match=r"f3\.png: in both test and val"):
        assign_splits(
            images, {"test": str(tmp_path / "held out.txt"), "val": str(tmp_path / "other.txt")}
        )
    text(tmp_path / "other.txt", "f99\n")
    with pytest.raises(DataError, match=r"other\.txt: 'f99' names no image"):
        assign_splits(images, {"val": str(tmp_path / "other.txt")})


@pytest.mark.parametrize(
    "asked",
    [{"val": "1.5"}, {"val": "0"}, {"val": "nan"}, {"val": "0.6", "test": "0.6"},
     {"val": "nowhere"}, {"a/b": "0.1"}, {"annotations": "0.1"}],
)  # fmt: skip
def test_what_cannot_be_is_refused(images, asked):
    with pytest.raises(ConfigurationError):
        assign_splits(images, asked)


def test_the_command_divides_all_images_anew(tmp_path, capsys):
    folder = coco(tmp_path / "d", [(1, [10, 10, 30, 30])], n=10)
    arguments = ["data", "split", str(folder), "--split", "val=0.2", "--split", "test=0.1"]
    assert main([*arguments, "--json", "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == {"train": 14, "val": 4, "test": 2}
    assert list_splits(tmp_path / "out") == ("train", "val", "test")
    names = [load_coco(tmp_path / "out", s).file_names for s in ("train", "val", "test")]
    assert sum(map(len, names)) == 20


def test_val_has_an_image_with_boxes_where_most_are_without(images, tmp_path):
    few = [*images[:4], *(RawImage(image(tmp_path / f"e{i}.png"), ()) for i in range(2))]
    for seed in range(12):
        chosen = assign_splits(few, {}, seed=seed)
        assert chosen.count("val") == 1
        assert chosen.index("val") < 4
    assert assign_splits([images[0], few[-1]], {}).index("train") == 0  # train comes first
