import json

import pytest
from PIL import Image

from evonas.cli import main
from evonas.data import load_coco
from evonas.data.convert import convert_dataset
from evonas.data.convert_options import ConvertOptions
from evonas.errors import ConfigurationError, DataError

VOC = """<annotation><filename>{name}.png</filename>
<object><name>dog</name>
<bndbox><xmin>1</xmin><ymin>11</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object>
<object><name>cat</name>
<bndbox><xmin>31</xmin><ymin>1</ymin><xmax>60</xmax><ymax>20</ymax></bndbox></object>
</annotation>"""


def image(path, size=(40, 20)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


@pytest.fixture
def yolo(tmp_path):
    folder = tmp_path / "yolo"
    for split in ("train", "valid"):
        for name in "ab":
            image(folder / split / "images" / f"{name}.png")
            labels = folder / split / "labels"
            labels.mkdir(exist_ok=True)
            (labels / f"{name}.txt").write_text("1 0.5 0.5 0.5 1.0\n\n0 0.0 0.5 0.5 0.5\n")
    (folder / "valid" / "labels" / "b.txt").unlink()
    (folder / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\nnames: [cat, dog]\n"
    )
    return folder


@pytest.fixture
def voc(tmp_path):
    folder = tmp_path / "voc"
    (folder / "Annotations").mkdir(parents=True)
    for name in "abcd":
        image(folder / "JPEGImages" / f"{name}.png")
        (folder / "Annotations" / f"{name}.xml").write_text(VOC.format(name=name))
    return folder


def test_yolo(yolo, tmp_path):
    assert convert_dataset(yolo, tmp_path / "out").images == {"train": 2, "val": 2}
    train = load_coco(tmp_path / "out", "train")
    assert train.class_names == ("cat", "dog")
    # The second box is cut off at the left edge.
    assert train.boxes[:2].tolist() == [[10, 0, 20, 20], [0, 5, 10, 10]]
    assert train.labels[:2].tolist() == [1, 0]
    assert len(load_coco(tmp_path / "out", "val").boxes) == 2


def test_voc(voc, tmp_path):
    assert convert_dataset(voc, tmp_path / "out", ConvertOptions(val_share=0.25)).images == {
        "train": 3,
        "val": 1,
    }
    train = load_coco(tmp_path / "out", "train")
    assert train.class_names == ("cat", "dog")
    assert train.boxes[:2].tolist() == [[0, 10, 20, 10], [30, 0, 10, 20]]


def test_voc_with_splits(voc, tmp_path):
    sets = voc / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("a\nb\n")
    (sets / "val.txt").write_text("c\n")
    (sets / "test.txt").write_text("d\n")
    assert convert_dataset(voc, tmp_path / "out").images == {"train": 2, "val": 1, "test": 1}
    (sets / "val.txt").write_text("z\n")
    with pytest.raises(DataError, match=r"val\.txt: names 'z' and 0 more without image"):
        convert_dataset(voc, tmp_path / "other")


def test_classes_are_renamed_merged_and_left_out(yolo, tmp_path):
    convert_dataset(
        yolo, tmp_path / "one", ConvertOptions(rename={"cat": "animal", "dog": "animal"})
    )
    assert load_coco(tmp_path / "one", "train").class_names == ("animal",)
    convert_dataset(yolo, tmp_path / "two", ConvertOptions(rename={"cat": ""}))
    assert load_coco(tmp_path / "two", "train").labels.tolist() == [0, 0]
    with pytest.raises(ConfigurationError, match=r"no class 'cow' in .*; there: cat, dog"):
        convert_dataset(yolo, tmp_path / "three", ConvertOptions(rename={"cow": "ox"}))


@pytest.mark.parametrize("line", ["2 0.5 0.5 1 1", "-1 0.5 0.5 1 1", "0 0.5 0.5 1", "cat 0 0 1 1"])
def test_bad_lines_are_named(yolo, tmp_path, line):
    (yolo / "train" / "labels" / "a.txt").write_text(f"0 0.5 0.5 1 1\n{line}\n")
    with pytest.raises(DataError, match=r"a\.txt: line 2 must be a class from 0 to 1"):
        convert_dataset(yolo, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_neither_format_is_refused(yolo, voc, tmp_path):
    with pytest.raises(DataError, match=r"neither a data\.yaml"):
        convert_dataset(tmp_path, tmp_path / "out")
    with pytest.raises(DataError, match="exists already"):
        convert_dataset(yolo, voc)
    (yolo / "data.yaml").write_text("names: [a]\n")
    with pytest.raises(DataError, match="names no images under `train`"):
        convert_dataset(yolo, tmp_path / "out")
    (voc / "Annotations" / "a.xml").write_text("<annotation><object></object></annotation>")
    with pytest.raises(DataError, match=r"a\.xml: an object without name"):
        convert_dataset(voc, tmp_path / "out")


def test_the_command(yolo, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["data", "convert", str(yolo), "--out", out, "--rename", "cat=ox", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == {"train": 2, "val": 2}
    assert main(["data", "convert", str(yolo), "--out", out, "--rename", "cat"]) == 2
    assert "must be OLD=NEW" in capsys.readouterr().err
