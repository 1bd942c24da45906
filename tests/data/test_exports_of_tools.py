"""What labelling tools and people really write, beyond the formats' own descriptions."""

import json
import shutil
import unicodedata

import pytest

from evonas.cli import main
from evonas.data import load_coco
from evonas.data.convert import convert_dataset
from evonas.data.convert_options import ConvertOptions
from evonas.errors import DataError
from tests.data.layouts import coco, image, instances, text, voc_xml, yolo

BOX = "0 .5 .5 .2 .2\n"
CAT = (1, [10, 10, 30, 30])


def labelled(folder, images, labels, names):
    for name in names:
        image(folder / images / f"{name}.jpg")
        text(folder / labels / f"{name}.txt", BOX)


def n(out):
    """Images and boxes of each split."""
    return {
        split: (len(data), len(data.boxes))
        for split in ("train", "val", "test")
        if (out / split).is_dir() and (data := load_coco(out, split))
    }


@pytest.mark.parametrize("lists", [False, True])
def test_flat_yolo_keeps_its_splits(tmp_path, lists):
    folder = tmp_path / "cvat"
    train, val = ("obj_train_data", "obj_valid_data") if lists else ("images/train", "images/val")
    labelled(folder, train, train.replace("images", "labels"), [f"a{i}" for i in range(3)])
    labelled(folder, val, val.replace("images", "labels"), ["b0", "b1"])
    text(folder / ("obj.names" if lists else "classes.txt"), "cat\ndog\n")
    if lists:  # as on the machine of CVAT
        text(folder / "train.txt", "".join(f"data/{train}/a{i}.jpg\n" for i in (0, 2)))
        text(folder / "valid.txt", "".join(f"data/{val}/b{i}.jpg\r\n" for i in range(2)))
    found = convert_dataset(folder, tmp_path / "out")
    assert n(tmp_path / "out") == {"train": (2 if lists else 3,) * 2, "val": (2, 2)}
    assert ("1 images are in no list and were left out" in found.notes) is lists


def test_a_test_split_that_is_named_only_is_left_out_and_said(tmp_path):
    yaml = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnames: [cat]\n"
    yolo(tmp_path / "zip" / "project", BOX, yaml)  # an archive unpacks to a folder in a folder
    text(tmp_path / "zip" / "project" / "notes.json", "{broken")  # somebody's, and of no matter
    found = convert_dataset(tmp_path / "zip", tmp_path / "out")
    assert n(tmp_path / "out") == {"train": (4, 4), "val": (4, 4)}
    assert "no ../test/images: there is no split test" in found.notes
    yolo(tmp_path / "typo", BOX, "train: train/images\nval: valid/pictures\nnames: [cat]\n")
    with pytest.raises(DataError, match=r"no .*valid/pictures"):
        convert_dataset(tmp_path / "typo", tmp_path / "out2")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("names: [yes, no]", r"YAML reads the name of class 0 as true; put it in quotes"),
        ("nc: 3\nnames: {0: cat, 1: dog}", "`nc` is 3, but `names` has 2 classes"),
        ("nc: '3'\nnames: [cat, dog]", "`nc` is 3, but `names` has 2 classes"),
    ],
)
def test_names_that_would_be_others_are_refused(tmp_path, names, message):
    folder = yolo(tmp_path / "y", BOX, f"train: train/images\nval: valid/images\n{names}\n")
    with pytest.raises(DataError, match=message):
        convert_dataset(folder, tmp_path / "out")


def test_names_with_gaps_may_count_to_the_last(tmp_path):
    yaml = "train: train/images\nval: valid/images\nnc: 8\nnames: {0: cat, 7: cow}\n"
    found = convert_dataset(yolo(tmp_path / "y", "7 .5 .5 .2 .2\n", yaml), tmp_path / "out")
    assert found.classes == ("cat", "cow")
    assert load_coco(tmp_path / "out", "train").labels.tolist() == [1] * 4


def test_accents_are_the_same_however_they_are_written(tmp_path):
    folder = yolo(tmp_path / "y", BOX, n=0)
    for split in ("train", "valid"):
        image(folder / split / "images" / (unicodedata.normalize("NFD", "früh") + ".jpg"))
        text(folder / split / "labels" / (unicodedata.normalize("NFC", "früh") + ".txt"), BOX)
    convert_dataset(folder, tmp_path / "out")
    assert n(tmp_path / "out") == {"train": (1, 1), "val": (1, 1)}


def test_photographs_of_unread_formats_are_named_and_jfif_is_read(tmp_path):
    folder = yolo(tmp_path / "y", BOX)
    jpeg = folder / "train" / "images" / "f0.jpg"
    jpeg.rename(jpeg.with_suffix(".jfif"))
    text(folder / "train" / "images" / "IMG 1.HEIC", "heic")
    found = convert_dataset(folder, tmp_path / "out")
    assert n(tmp_path / "out")["train"] == (4, 4)
    assert any("1 photographs are in a format that is not read (.heic)" in x for x in found.notes)


def test_labels_of_two_images_are_said(tmp_path):
    folder = yolo(tmp_path / "y", BOX)
    image(folder / "train" / "images" / "f0.png")
    notes = convert_dataset(folder, tmp_path / "out").notes
    assert any("1 images share the labels of another, f0.png those of f0.jpg" in x for x in notes)


def test_lists_of_another_machine_are_found_by_the_ends_of_their_paths(tmp_path):
    folder = tmp_path / "y"
    labelled(folder, "all/images", "all/labels", [f"f{i}" for i in range(3)])
    text(folder / "data.yaml", "train: train.txt\nval: val.txt\nnames: [cat]\n")
    text(folder / "train.txt", "/content/drive/all/images/f0.jpg\nC:\\x\\all\\images\\f1.jpg\n")
    text(folder / "val.txt", "./all/images/f2.jpg\n")
    convert_dataset(folder, tmp_path / "out")
    assert n(tmp_path / "out") == {"train": (2, 2), "val": (1, 1)}


def test_a_box_stated_twice_is_written_once(tmp_path):
    folder = yolo(tmp_path / "y", BOX + BOX + "1 .5 .5 .2 .2\n")
    found = convert_dataset(folder, tmp_path / "out")
    assert n(tmp_path / "out")["train"] == (4, 8)  # one of each class
    assert found.reasons("dropped") == {"the same box a second time": 8}


def test_boxes_that_reach_out_for_the_most_part_are_said(tmp_path):
    corners = "0 0 0 1 1\n"  # read as centre and size
    notes = convert_dataset(yolo(tmp_path / "y", corners), tmp_path / "out").notes
    assert any("8 of 8 boxes reach out of their images" in note for note in notes)
    assert convert_dataset(yolo(tmp_path / "z", BOX), tmp_path / "out2").notes == []


def test_an_image_of_two_entries_keeps_the_boxes_of_both(tmp_path):
    folder = coco(tmp_path / "c", [CAT])
    for split in ("train", "val"):
        file = folder / "annotations" / f"instances_{split}.json"
        content = json.loads(file.read_text())
        content["images"][1]["file_name"] = content["images"][0]["file_name"]
        second = content["images"][1]["id"]
        for row in content["annotations"]:
            row["bbox"] = [40, 10, 30, 30] if row["image_id"] == second else row["bbox"]
        file.write_text(json.dumps(content))
    found = convert_dataset(folder, tmp_path / "out")
    assert n(tmp_path / "out") == {"train": (3, 4), "val": (3, 4)}
    assert found.total("boxes_read") == found.total("boxes_written") == 8


def test_outlines_areas_are_scaled_with_their_boxes(tmp_path):
    folder = coco(tmp_path / "c", [CAT])
    for split in ("train", "val"):
        file = folder / "annotations" / f"instances_{split}.json"
        content = json.loads(file.read_text())
        for row in content["images"]:
            row["width"], row["height"] = 200, 160  # the images were halved since
        for row in content["annotations"]:
            row["area"] = 600.0
        file.write_text(json.dumps(content))
    convert_dataset(folder, tmp_path / "out", ConvertOptions(resized="scale"))
    data = load_coco(tmp_path / "out", "train")
    assert data.boxes[0].tolist() == [5, 5, 15, 15]
    assert data.areas[0] == 150


@pytest.mark.parametrize(
    ("file", "images", "prefix"),
    [
        ("result.json", "images", "images/"),  # Label Studio
        ("result.json", "images", "images\\"),
        ("result.json", "images", "../../label-studio/data/media/upload/1/"),
        ("annotations.json", "images", ""),
        ("_annotations.coco.json", ".", ""),  # Roboflow without splits
        ("annotations/all.json", "img", ""),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_coco_files_of_any_name_are_read(tmp_path, file, images, prefix, named):
    folder = tmp_path / "c"
    content = instances(4, [CAT], ("cat", "dog"))
    for row in content["images"]:
        image(folder / images / row["file_name"])
        row["file_name"] = prefix + row["file_name"]
    text(folder / file, json.dumps(content))
    found = convert_dataset(folder / file if named else folder, tmp_path / "out")
    assert found.total("boxes_written") == 4


@pytest.mark.parametrize(
    "file", ["annotations/{}.json", "{}.json", "annotations/instances_{}.json"]
)
def test_coco_files_of_a_split_each_keep_their_splits(tmp_path, file):
    folder = tmp_path / "c"
    for split, count in (("Train", 3), ("Validation", 2)):  # the same names in both, as CVAT has
        content = instances(count, [CAT], ("cat", "dog"))
        for row in content["images"]:
            image(folder / "images" / split / row["file_name"])
        text(folder / file.format(split), json.dumps(content))
    convert_dataset(folder, tmp_path / "out")
    assert n(tmp_path / "out") == {"train": (3, 3), "val": (2, 2)}
    shutil.copy(folder / file.format("Train"), folder / file.format("Train-old"))
    with pytest.raises(DataError, match="may both be of train; name the file that is meant"):
        convert_dataset(folder, tmp_path / "out2")


def test_cvat_subsets_may_have_the_same_names(tmp_path):
    rows = ""
    for split, count in (("Train", 3), ("Validation", 2)):
        for i in range(count):
            image(tmp_path / "c" / "images" / split / f"f{i}.jpg")
            rows += (
                f'<image name="f{i}.jpg" subset="{split}" width="100" height="80"><tag label="x"/>'
                '<box label="cat" xtl="10" ytl="10" xbr="40" ybr="40"/></image>'
            )
    text(tmp_path / "c" / "annotations.xml", f"<annotations><meta/>{rows}</annotations>")
    found = convert_dataset(tmp_path / "c", tmp_path / "out")
    assert n(tmp_path / "out") == {"train": (3, 3), "val": (2, 2)}
    assert found.notes == []  # not "0 of something"


def test_images_turned_in_label_studio_are_refused(tmp_path):
    value = {"x": 10, "y": 10, "width": 30, "height": 30, "rectanglelabels": ["cat"]}
    shape = {"original_width": 100, "original_height": 80, "image_rotation": 0, "value": value}
    tasks = [{"data": {"image": f"f{i}.jpg"}, "annotations": [{"result": [shape]}]} for i in (0, 1)]
    for i in (0, 1):
        image(tmp_path / "l" / f"f{i}.jpg")
    text(tmp_path / "l" / "p.json", json.dumps(tasks))
    assert convert_dataset(tmp_path / "l", tmp_path / "out").notes == []
    shape["image_rotation"] = 90
    text(tmp_path / "l" / "p.json", json.dumps(tasks))
    with pytest.raises(DataError, match="task 1: its image was turned in Label Studio"):
        convert_dataset(tmp_path / "l", tmp_path / "out2")


def test_voc_lists_and_folders_of_other_tools(tmp_path):
    folder = tmp_path / "v"
    for i in range(5):
        image(folder / "images" / f"f{i}.jpg")
        voc_xml(folder / "labels" / f"f{i}.xml", [("cat" if i else "Cat", 11, 11, 50, 50, "")])
    text(folder / "ImageSets" / "Main" / "Train.txt", "f0\nf1\nf2\n")
    text(folder / "ImageSets" / "Main" / "Validation.txt", "f3\nf4\n")
    found = convert_dataset(folder, tmp_path / "out")
    assert n(tmp_path / "out") == {"train": (3, 3), "val": (2, 2)}
    assert "classes Cat and cat differ in case only; --rename makes them one" in found.notes
    arguments = ["data", "convert", str(folder), "--out", str(tmp_path / "one")]
    assert main([*arguments, "--rename", "Cat=cat"]) == 0
    assert load_coco(tmp_path / "one", "train").class_names == ("cat",)
