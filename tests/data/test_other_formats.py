import json

import pytest

from evonas.cli import main
from evonas.data import list_splits, load_coco
from evonas.data.convert import convert_dataset
from evonas.data.convert_options import ConvertOptions
from evonas.errors import ConfigurationError, DataError
from tests.data.layouts import coco, image, instances, text


def boxes_by_file(out):
    found = {}
    for split in list_splits(out):
        dataset = load_coco(out, split)
        for index, name in enumerate(dataset.file_names):
            held = dataset.image_index == index
            found[name] = [
                (dataset.class_names[k], *box)
                for k, box in zip(dataset.labels[held], dataset.boxes[held].tolist(), strict=True)
            ]
    return found


CVAT = """<?xml version="1.0"?>
<annotations><version>1.1</version><meta><task><labels>
<label><name>dog</name></label><label><name>cat</name></label></labels></task></meta>
<image id="0" name="cam\\f0.jpg" subset="Train" width="100" height="80">
<box label="cat" xtl="10.5" ytl="20" xbr="40.5" ybr="60" occluded="0"></box>
<polygon label="dog" points="10,10;50,20;30,40"></polygon>
<points label="dog" points="1,1"></points></image>
<image id="1" name="cam/f1.jpg" subset="Validation" width="100" height="80">
<box label="cat" xtl="40" ytl="30" xbr="60" ybr="40" rotation="90"></box></image>
<image id="2" name="cam/f2.jpg" subset="Train" width="100" height="80"></image>
</annotations>"""


def test_cvat(tmp_path):
    for i in range(3):
        image(tmp_path / "c" / "images" / "cam" / f"f{i}.jpg")
    text(tmp_path / "c" / "annotations.xml", CVAT)
    conversion = convert_dataset(tmp_path / "c", tmp_path / "out")
    assert conversion.format == "CVAT"
    assert conversion.classes == ("dog", "cat")
    assert conversion.images == {"train": 2, "val": 1}
    assert conversion.notes == ["1 of CVAT's <points> are no boxes"]
    assert boxes_by_file(tmp_path / "out") == {
        "f0.jpg": [("cat", 10.5, 20, 30, 40), ("dog", 10, 10, 40, 30)],
        "f1.jpg": [("cat", 45, 25, 10, 20)],  # turned by a quarter about its middle
        "f2.jpg": [],
    }


def test_cvat_of_a_video_is_refused(tmp_path):
    text(tmp_path / "annotations.xml", "<annotations><track/></annotations>")
    with pytest.raises(DataError, match="CVAT for images"):
        convert_dataset(tmp_path, tmp_path / "out")


def rectangle(name, x, y, width, height, **more):
    return {
        "original_width": 100,
        "original_height": 80,
        "type": "rectanglelabels",
        "value": {
            "x": x, "y": y, "width": width, "height": height, "rotation": 0,
            "rectanglelabels": [name], **more,
        },
    }  # fmt: skip


def test_label_studio(tmp_path):
    for i in range(4):
        image(tmp_path / "s" / "images" / f"photo {i}.jpg")
    outline = {"value": {"points": [[10, 10], [30, 10], [20, 50]], "polygonlabels": ["dog"]}}
    tasks = [
        {
            "data": {"image": "/data/upload/1/0123abcd-photo%200.jpg"},
            "annotations": [
                {"was_cancelled": True, "result": [rectangle("cow", 1, 1, 9, 9)]},
                {"result": [rectangle("cat", 10, 25, 30, 50), outline, {"value": {"text": "x"}}]},
            ],
        },
        {
            "data": {"image": "/data/local-files/?d=my/photo%201.jpg"},
            "annotations": [{"result": [rectangle("cat", 50, 50, 20, 25, rotation=90)]}],
        },
        {"data": {"image": "http://x/photo 2.jpg"}, "annotations": [{"result": []}]},
        {"data": {"image": "photo 3.jpg"}, "annotations": []},
    ]
    text(tmp_path / "s" / "export.json", json.dumps(tasks))
    with pytest.raises(DataError, match=r"no annotations of .*photo 3\.jpg"):
        convert_dataset(tmp_path / "s", tmp_path / "out")
    options = ConvertOptions(unlabelled="skip", max_loss=1)
    conversion = convert_dataset(tmp_path / "s", tmp_path / "out", options)
    assert conversion.classes == ("cat", "dog")
    assert "1 shapes are neither boxes nor polygons" in conversion.notes
    assert boxes_by_file(tmp_path / "out") == {
        "photo 0.jpg": [("cat", 10, 20, 30, 40), ("dog", 10, 8, 20, 32)],
        "photo 1.jpg": [("cat", 30, 40, 20, 20)],
        "photo 2.jpg": [],
    }


def test_label_studios_short_export(tmp_path):
    tasks = []
    for i in range(2):
        image(tmp_path / f"f{i}.jpg")
        shape = rectangle("cat", 10, 25, 30, 50)
        flat = {**shape["value"], "original_width": 100, "original_height": 80}
        tasks.append({"annotation_id": i, "image": f"/data/f{i}.jpg", "label": [flat]})
    text(tmp_path / "min.json", json.dumps(tasks))
    convert_dataset(tmp_path / "min.json", tmp_path / "out")
    assert set(map(tuple, boxes_by_file(tmp_path / "out").values())) == {(("cat", 10, 20, 30, 40),)}


def test_deeppcb(tmp_path):
    folder = tmp_path / "PCBData"
    for split, count in (("trainval", 3), ("test", 2)):
        for i in range(count):
            image(folder / "g" / "1" / f"{split}{i}_test.jpg", (64, 64))
            text(folder / "g" / "1_not" / f"{split}{i}.txt", "10 12 30 40 1\n1 2 9 9 6")
        lines = [f"g/1/{split}{i}.jpg g/1_not/{split}{i}.txt" for i in range(count)]
        text(folder / f"{split}.txt", "\n".join(lines))
    options = ConvertOptions(splits={"train": "trainval", "val": "test"})
    conversion = convert_dataset(folder, tmp_path / "out", options)
    assert conversion.images == {"train": 3, "val": 2}
    train = load_coco(tmp_path / "out", "train")
    assert train.class_names == ("open", "short", "mousebite", "spur", "copper", "pin-hole")
    assert train.file_names[0] == "trainval0_test.jpg"
    assert train.boxes[:2].tolist() == [[10, 12, 20, 28], [1, 2, 8, 7]]
    assert train.labels[:2].tolist() == [0, 5]
    text(folder / "g" / "1_not" / "test0.txt", "1 2 3 4 7")
    with pytest.raises(DataError, match=r"test0\.txt: line 1 must be .*classes 1 to 6"):
        convert_dataset(folder, tmp_path / "other")


def roboflow(folder):
    for split in ("train", "valid", "test"):
        content = instances(4, [(1, [10, 10, 30, 30])], ["cat"])
        content["categories"] = [
            {"id": 0, "name": "pets", "supercategory": "none"},
            {"id": 1, "name": "cat", "supercategory": "pets"},
        ]
        for i in range(4):
            image(folder / split / f"f{i}.jpg")
        text(folder / split / "_annotations.coco.json", json.dumps(content))
    return folder


def test_roboflows_valid_is_val_and_its_heading_no_class(tmp_path, capsys):
    folder = roboflow(tmp_path / "robo")
    assert list_splits(folder) == ("train", "val", "test")
    assert load_coco(folder, "val").class_names == ("cat",)
    assert main(["data", "check", str(folder)]) == 0
    assert "val: 4 images" in capsys.readouterr().out
    assert convert_dataset(folder, tmp_path / "out").classes == ("cat",)


def test_a_heading_that_has_boxes_is_a_class(tmp_path):
    folder = roboflow(tmp_path / "robo")
    file = folder / "train" / "_annotations.coco.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["category_id"] = 0
    file.write_text(json.dumps(content))
    assert load_coco(folder, "train").class_names == ("pets", "cat")


def test_one_default_split_is_divided(tmp_path, capsys):
    folder = coco(tmp_path / "d", [(1, [10, 10, 30, 30])], splits=("images/default",), n=10)
    source = folder / "annotations" / "instances_images" / "default.json"
    source.rename(folder / "annotations" / "instances_default.json")
    with pytest.raises(DataError, match=r"only instances_default\.json; `evonas data split`"):
        load_coco(folder, "train")
    out = str(tmp_path / "out")
    assert main(["data", "split", str(folder), "--split", "val=0.2", "--out", out]) == 0
    assert len(load_coco(out, "val")) == 2
    assert "train: 8 images" in capsys.readouterr().out


def test_a_lone_json_file(tmp_path):
    for i in range(4):
        image(tmp_path / "images" / f"f{i}.jpg")
    content = instances(4, [(1, [10, 10, 30, 30])], ["cat"])
    file = text(tmp_path / "labels" / "export.json", json.dumps(content))
    assert convert_dataset(file, tmp_path / "out").images == {"train": 3, "val": 1}


def test_coco_is_mended_divided_and_renamed(tmp_path):
    folder = coco(tmp_path / "d", [(1, [10, 10, 30, 0]), (2, [10, 10, 30, 30])])
    with pytest.raises(DataError, match="annotation 1 of image 0 has a box of no size"):
        load_coco(folder, "train")
    assert load_coco(folder, "train", "drop").dropped == 4
    conversion = convert_dataset(folder, tmp_path / "out")
    assert conversion.reasons("dropped") == {"no size": 8}
    assert load_coco(tmp_path / "out", "train").boxes.tolist() == [[10, 10, 30, 30]] * 4
    with pytest.raises(DataError, match="8 no size, of 16 boxes"):
        convert_dataset(folder, tmp_path / "no", ConvertOptions(bad_boxes="refuse"))


def test_classes_in_another_order_are_brought_together(tmp_path):
    folder = coco(tmp_path / "d", [(1, [10, 10, 30, 30])], val_classes=("dog", "cat"))
    assert convert_dataset(folder, tmp_path / "out").classes == ("cat", "dog")
    val = load_coco(tmp_path / "out", "val")
    assert [val.class_names[k] for k in val.labels] == ["dog"] * 4


def test_options_that_a_format_lacks_are_refused(tmp_path):
    folder = coco(tmp_path / "d", [(1, [10, 10, 30, 30])])
    with pytest.raises(ConfigurationError, match="coco data names its own label files"):
        convert_dataset(folder, tmp_path / "out", labels=tmp_path)
    with pytest.raises(ConfigurationError, match="only for YOLO labels"):
        convert_dataset(folder, tmp_path / "out", units="pixels")
    with pytest.raises(ConfigurationError, match="unknown format 'pascal'"):
        convert_dataset(folder, tmp_path / "out", format="pascal")
    with pytest.raises(DataError, match="no such file or folder"):
        convert_dataset(tmp_path / "nothing", tmp_path / "out")
