import pytest

from evonas.cli import main
from evonas.data import load_coco
from evonas.data.convert import convert_dataset
from evonas.errors import DataError
from tests.data.layouts import image, text, yolo

BOX = "0 .5 .5 .2 .2\n"


def counts(out):
    dataset = load_coco(out, "train")
    return [int((dataset.labels == k).sum()) for k in range(dataset.n_classes)]


def test_labels_in_pixels_are_refused_and_read_on_request(tmp_path):
    folder = yolo(tmp_path / "px", "0 50 40 20 20\n")
    with pytest.raises(DataError, match=r"8 of 8 boxes are in pixels .*line 1.*--units pixels"):
        convert_dataset(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    convert_dataset(folder, tmp_path / "out", units="pixels")
    assert load_coco(tmp_path / "out", "train").boxes[0].tolist() == [40, 30, 20, 20]


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("images/pets/{}", "images/pets/{}"),  # an outer folder is called images
        ("beside/{}/images", "beside/{}/images"),
        ("caps/{}/Images", "caps/{}/Labels"),
        ("outer/images/{}", "outer/labels/{}"),
        ("plain/{}", "plain/{}"),
    ],
)
def test_labels_are_found_in_the_usual_layouts(tmp_path, images, labels):
    root = tmp_path / images.split("{")[0]
    for split in ("train", "valid"):
        for i in range(2):
            image(tmp_path / images.format(split) / f"f{i}.jpg")
            text(tmp_path / labels.format(split) / f"f{i}.txt", BOX)
    train, val = (str(tmp_path / images.format(split)) for split in ("train", "valid"))
    text(root / "data.yaml", f"train: {train}\nval: {val}\nnames: [cat]\n")
    assert convert_dataset(root, tmp_path / "out").total("boxes_written") == 4


def test_labels_that_are_nowhere_are_refused_and_found_where_one_says(tmp_path):
    folder = tmp_path / "other"
    for split in ("train", "valid"):
        for i in range(4):
            image(folder / split / "images" / f"f{i}.jpg")
            text(folder / split / "annotations" / f"f{i}.txt", BOX)
    text(folder / "data.yaml", "train: train/images\nval: valid/images\nnames: [cat]\n")
    with pytest.raises(DataError, match="no labels were found of 4 of the 4 train images"):
        convert_dataset(folder, tmp_path / "out")
    arguments = ["data", "convert", str(folder), "--out"]
    assert main([*arguments, str(tmp_path / "one"), "--labels", "annotations"]) == 0
    assert counts(tmp_path / "one") == [4]
    for split in ("train", "valid"):
        (folder / split / "annotations").rename(folder / f"{split}-labels")
        for file in (folder / f"{split}-labels").iterdir():
            text(folder / "mine" / split / file.name, BOX)
    assert main([*arguments, str(tmp_path / "two"), "--labels", str(folder / "mine")]) == 0
    assert counts(tmp_path / "two") == [4]


@pytest.mark.parametrize(
    ("names", "label", "expected"),
    [("{1: cat, 2: dog}", 1, [4, 0]), ("{0: cat, 2: dog, 7: cow}", 2, [0, 4, 0])],
)
def test_class_numbers_need_not_count_from_zero(tmp_path, names, label, expected):
    yaml = f"train: train/images\nval: valid/images\nnames: {names}\n"
    convert_dataset(yolo(tmp_path / "y", f"{label} .5 .5 .2 .2\n", yaml), tmp_path / "out")
    assert counts(tmp_path / "out") == expected


def test_a_class_number_without_a_name_is_refused(tmp_path):
    yaml = "train: train/images\nval: valid/images\nnames: {0: cat, 2: dog}\n"
    with pytest.raises(DataError, match=r"line 1 must be a class of 0, 2"):
        convert_dataset(yolo(tmp_path / "y", "1 .5 .5 .2 .2\n", yaml), tmp_path / "out")


def test_one_name_for_two_numbers_is_refused_unless_they_are_made_one(tmp_path):
    yaml = "train: train/images\nval: valid/images\nnames: [cat, dog, cat]\n"
    folder = yolo(tmp_path / "y", "0 .5 .5 .2 .2\n2 .3 .3 .2 .2\n", yaml)
    with pytest.raises(DataError, match="two classes are called 'cat'"):
        convert_dataset(folder, tmp_path / "out")
    spaced = yolo(tmp_path / "s", "0 .5 .5 .2 .2\n", yaml.replace("cat", "red box"))
    with pytest.raises(DataError, match="--rename 'red box=red box'"):
        convert_dataset(spaced, tmp_path / "out")
    arguments = ["data", "convert", str(folder), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--rename", "cat=cat"]) == 0
    assert counts(tmp_path / "out") == [8, 0]


def test_polygons_become_their_enclosing_boxes(tmp_path):
    folder = yolo(tmp_path / "y", "1 .1 .2 .5 .25 .3 .75\n0 .5 .5 .2 .2\n")
    conversion = convert_dataset(folder, tmp_path / "out")
    assert load_coco(tmp_path / "out", "train").boxes[0].tolist() == [10, 16, 40, 44]
    assert "8 polygons are their enclosing boxes" in conversion.notes


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_part_of_a_label(tmp_path, encoding):
    convert_dataset(yolo(tmp_path / "y", BOX, encoding=encoding), tmp_path / "out")
    assert counts(tmp_path / "out") == [4, 0]


def test_windows_separators_in_yaml_and_lists(tmp_path):
    yaml = "path: .\ntrain: lists\\train.txt\nval: valid\\images\nnames: [cat, dog]\n"
    folder = yolo(tmp_path / "y", BOX, yaml)
    text(folder / "lists" / "train.txt", "\ufefftrain\\images\\f0.jpg\r\ntrain\\images\\f1.jpg\r\n")
    assert convert_dataset(folder, tmp_path / "out").images == {"train": 2, "val": 4}


def test_an_image_in_train_and_val_is_refused_unless_the_splits_are_made_new(tmp_path):
    yaml = "train: train/images\nval: train/images\nnames: [cat, dog]\n"
    folder = yolo(tmp_path / "y", BOX, yaml)
    with pytest.raises(DataError, match="is in train and in val"):
        convert_dataset(folder, tmp_path / "out")
    arguments = ["data", "convert", str(folder), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--split", "val=0.25"]) == 0
    assert len(load_coco(tmp_path / "out", "train")) == 3


def test_a_flat_folder_with_classes_txt(tmp_path):
    for i in range(4):
        image(tmp_path / "flat" / f"f{i}.jpg")
        text(tmp_path / "flat" / f"f{i}.txt", "1 .5 .5 .2 .2\n")
    text(tmp_path / "flat" / "classes.txt", "cat\ndog\n")
    conversion = convert_dataset(tmp_path / "flat", tmp_path / "out")
    assert conversion.images == {"train": 3, "val": 1}
    assert counts(tmp_path / "out") == [0, 3]


def test_label_files_of_no_image_are_told(tmp_path):
    folder = yolo(tmp_path / "y", BOX)
    text(folder / "train" / "labels" / "lost.txt", BOX)
    notes = convert_dataset(folder, tmp_path / "out").notes
    assert notes == ["1 label files have no image, lost.txt the first"]


@pytest.mark.parametrize(
    "line", ["1_0 .5 .5 .2 .2", "\u0660 .5 .5 .2 .2", "0 .5 .5 .2 .2 .9", "0.5 .5 .5 .2 .2"]
)
def test_numbers_that_no_tool_writes_are_refused(tmp_path, line):
    with pytest.raises(DataError, match=r"f0\.txt: line 1 must be a class from 0 to 1"):
        convert_dataset(yolo(tmp_path / "y", line), tmp_path / "out")


def test_a_yaml_bomb_is_refused_at_once(tmp_path):
    levels = "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 9))
    folder = yolo(tmp_path / "y", BOX, f"a0: &a0 [x]\n{levels}names: *a8\ntrain: train/images\n")
    with pytest.raises(DataError, match="alias"):
        convert_dataset(folder, tmp_path / "out")


def test_labels_without_names_of_classes_are_told_what_misses(tmp_path):
    folder = tmp_path / "y"
    image(folder / "a.png")
    text(folder / "a.txt", "0 .5 .5 .2 .2\n")
    for options in ({"format": "yolo"}, {}):
        with pytest.raises(DataError, match=r"data\.yaml.* or a? ?classes\.txt"):
            convert_dataset(folder, tmp_path / "out", **options)
    text(folder / "classes.txt", "cat\n")
    convert_dataset(folder, tmp_path / "out")
    assert counts(tmp_path / "out") == [1]
