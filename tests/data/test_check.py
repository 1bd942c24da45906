import json

import pytest

from evonas.cli import main
from evonas.data import load_coco, refuse_unlearnable
from evonas.errors import DataError
from tests.data.layouts import coco, image

BOX = (1, [10, 10, 30, 30])
BOTH = [BOX, (2, [20, 20, 30, 30])]


def check(folder, capsys, *options):
    code = main(["data", "check", str(folder), "--json", *options])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def test_sound_data_passes_without_a_word(tmp_path, capsys):
    code, told = check(coco(tmp_path / "d", BOTH), capsys, "--strict")
    assert (code, told["refused"], told["warnings"]) == (0, [], [])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: coco(f, []), "no boxes at all; nothing can be learnt"),
        (lambda f: coco(f, [(1, [0.1, 0.1, 0.3, 0.3])]), "under a pixel; are they shares"),
        (lambda f: coco(f, BOTH, val_classes=("dog", "cat")), "another order"),
        (lambda f: coco(f, BOTH, val_classes=("dog", "cow")), "val has the classes dog, cow"),
        (
            lambda f: coco(f, BOTH, val_classes=("red, one", "cow")),
            "val has the classes 'red, one', cow, train has cat, dog",
        ),
        (lambda f: coco(f, BOTH, splits=("train",)), "no split val; training needs train and val"),
    ],
)
def test_what_training_refuses_is_refused(tmp_path, capsys, make, message):
    code, told = check(make(tmp_path / "d"), capsys)
    assert code == 3
    assert [text for text in told["refused"] if message in text]


def test_two_classes_of_one_name_are_refused(tmp_path, capsys):
    folder = coco(tmp_path / "d", [BOX], ("cat", "dog", "cat"))
    assert main(["data", "check", str(folder)]) == 3
    assert "categories 1 and 3 are both called 'cat'" in capsys.readouterr().err


def test_a_command_in_a_message_can_be_pasted(tmp_path, capsys):
    folder = coco(tmp_path / "d", [BOX], ("red, box", "dog", "red, box"))
    assert main(["data", "check", str(folder)]) == 3
    assert "--rename 'red, box=red, box'`" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told(tmp_path, capsys):
    assert main(["data", "check", str(tmp_path / "nowhere")]) == 3
    assert f"{tmp_path / 'nowhere'}: no such folder\n" in capsys.readouterr().err


def test_an_image_in_two_splits_is_refused(tmp_path, capsys):
    folder = coco(tmp_path / "d", BOTH)
    (folder / "val" / "f0.jpg").write_bytes((folder / "train" / "f2.jpg").read_bytes())
    code, told = check(folder, capsys)
    assert code == 3
    assert told["refused"] == [
        "1 images are in two splits, train/f2.jpg = val/f0.jpg the first; figures on one would be "
        "of images trained on"
    ]


def test_copies_of_a_blank_image_are_no_leak(tmp_path, capsys):
    folder = coco(tmp_path / "d", BOTH)
    for split in ("train", "val"):
        file = folder / "annotations" / f"instances_{split}.json"
        content = json.loads(file.read_text())
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] != 0]
        file.write_text(json.dumps(content))
    (folder / "val" / "f0.jpg").write_bytes((folder / "train" / "f0.jpg").read_bytes())
    code, told = check(folder, capsys)
    assert (code, told["refused"]) == (0, [])
    assert told["duplicates"] == [["train/f0.jpg", "val/f0.jpg"]]


def test_what_training_accepts_is_a_warning_and_strict_says_3(tmp_path, capsys):
    folder = coco(tmp_path / "d", [BOX, (1, [5, 5, 0.4, 9])])
    (folder / "train" / "f0.jpg").write_bytes((folder / "train" / "f1.jpg").read_bytes())
    code, told = check(folder, capsys)
    assert (code, told["refused"]) == (0, [])
    assert told["warnings"] == [
        "train: 4 boxes are under a pixel wide or high",
        "train: no boxes of dog",
        "val: 4 boxes are under a pixel wide or high",
        "val: no boxes of dog",
        "1 images are there twice in one split",
    ]
    assert check(folder, capsys, "--strict")[0] == 3


@pytest.mark.parametrize(("treatment", "left"), [("drop", 4), ("clip", 8)])
def test_bad_boxes_are_treated_as_asked(tmp_path, capsys, treatment, left):
    folder = coco(tmp_path / "d", [BOX, (2, [10, 10, 30, 0]), (2, [-9, 10, 30, 30])])
    assert main(["data", "check", str(folder)]) == 3
    assert "evonas data convert` mends such data" in capsys.readouterr().err
    code, told = check(folder, capsys, "--bad-boxes", treatment)
    assert code == 0
    assert told["splits"]["train"]["boxes"] == left
    assert f"train: {12 - left} boxes dropped, {left - 4} cut" in told["warnings"]


def test_clipped_boxes_lie_within_their_image(tmp_path):
    folder = coco(tmp_path / "d", [(1, [-9, 10, 30, 100])])
    assert load_coco(folder, "train", "clip").boxes[0].tolist() == [0, 10, 21, 70]


def test_training_refuses_what_has_no_boxes(tmp_path, capsys):
    folder = coco(tmp_path / "d", [])
    with pytest.raises(DataError, match="no boxes at all"):
        refuse_unlearnable(load_coco(folder, "train"))
    arguments = ["train", "nano:007318037903700", "--data", str(folder), "--set", "steps=1"]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 3
    assert "no boxes at all" in capsys.readouterr().err


def test_names_from_files_are_shown_escaped(tmp_path, capsys):
    folder = coco(tmp_path / "d", BOTH)
    image(folder / "train" / "f0\x1b[31m.jpg")
    (folder / "val" / "f0.jpg").unlink()
    assert main(["data", "check", str(folder)]) == 3
    assert "\x1b" not in capsys.readouterr().err
    folder = coco(tmp_path / "e", BOTH, ("cat\x1b[31m", "dog"))
    assert main(["data", "check", str(folder)]) == 3
    assert "\x1b" not in capsys.readouterr().err
