import pytest

from evonas.data import load_coco
from evonas.data.convert import convert_dataset
from evonas.data.convert_options import ConvertOptions
from evonas.errors import DataError
from tests.data.layouts import image, text, voc_xml

CAT = [("cat", 11, 11, 50, 50, "")]


def files_and_classes(out, split):
    dataset = load_coco(out, split)
    return {
        dataset.file_names[i]: dataset.class_names[k]
        for i, k in zip(dataset.image_index, dataset.labels, strict=True)
    }


def test_blanks_in_split_lists(tmp_path):
    folder = tmp_path / "a"
    image(folder / "JPEGImages" / "leaf.jpg")
    voc_xml(folder / "Annotations" / "leaf.xml", [("leaf", 10, 10, 50, 50, "")])
    for i in range(3):
        image(folder / "JPEGImages" / f"leaf ({i}).jpg")
        voc_xml(folder / "Annotations" / f"leaf ({i}).xml", [("stem", 10, 10, 50, 50, "")])
    text(folder / "ImageSets" / "Main" / "train.txt", "leaf\nleaf (0)\nleaf (1)\n")
    text(folder / "ImageSets" / "Main" / "val.txt", "leaf (2)\n")
    convert_dataset(folder, tmp_path / "out")
    train = files_and_classes(tmp_path / "out", "train")
    assert train == {"leaf.jpg": "leaf", "leaf (0).jpg": "stem", "leaf (1).jpg": "stem"}
    assert files_and_classes(tmp_path / "out", "val") == {"leaf (2).jpg": "stem"}


def test_annotations_for_another_size_are_refused_or_scaled(tmp_path):
    for i in range(4):
        image(tmp_path / "v" / "JPEGImages" / f"f{i}.jpg")
        voc_xml(tmp_path / "v" / "Annotations" / f"f{i}.xml", [("cat", 501, 401, 900, 700, "")],
                (1000, 800))  # fmt: skip
    with pytest.raises(DataError, match="100x80 pixels, but its annotations are for 1000x800"):
        convert_dataset(tmp_path / "v", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    convert_dataset(tmp_path / "v", tmp_path / "out", ConvertOptions(resized="scale"))
    assert load_coco(tmp_path / "out", "train").boxes[0].tolist() == [50, 40, 40, 30]


def test_boxes_of_a_turned_image_stay_in_the_frame_that_size_states(tmp_path):
    for i in range(4):
        image(tmp_path / "v" / "JPEGImages" / f"f{i}.jpg", exif=6)
        voc_xml(tmp_path / "v" / "Annotations" / f"f{i}.xml", [("cat", 61, 11, 100, 40, "")],
                (100, 80) if i < 2 else (80, 100))  # fmt: skip
    conversion = convert_dataset(tmp_path / "v", tmp_path / "out")
    found = {}
    for split in conversion.splits:
        dataset = load_coco(tmp_path / "out", split)
        for name, size, box in zip(dataset.file_names, dataset.sizes, dataset.boxes, strict=True):
            found[name] = [*size.tolist(), *box.tolist()]
    assert found["f0.jpg"] == [100, 80, 60, 10, 40, 30]
    assert found["f3.jpg"] == [80, 100, 60, 10, 20, 30]  # cut: made for the upright image


def test_difficult_objects_are_ignored_not_trained_on(tmp_path):
    objects = [("leaf", 10, 10, 50, 50, "<difficult>1</difficult>"), ("leaf", 20, 20, 60, 70, "")]
    for i in range(4):
        image(tmp_path / "v" / "JPEGImages" / f"f{i}.jpg")
        voc_xml(tmp_path / "v" / "Annotations" / f"f{i}.xml", objects)
    conversion = convert_dataset(tmp_path / "v", tmp_path / "out")
    assert load_coco(tmp_path / "out", "train").is_crowd.tolist() == [True, False] * 3
    assert conversion.total("ignored") == 4


def test_what_lies_beside_images_is_no_image(tmp_path):
    for i in range(4):
        image(tmp_path / "v" / "JPEGImages" / f"f{i}.jpg")
        text(tmp_path / "v" / "JPEGImages" / f"f{i}.txt", "taken on Monday")
        voc_xml(tmp_path / "v" / "Annotations" / f"f{i}.xml", CAT)
    assert convert_dataset(tmp_path / "v", tmp_path / "out").total("images") == 4


@pytest.mark.parametrize("said", ["filename", "size"])
def test_of_two_images_of_one_stem_the_file_says_which(tmp_path, said):
    for i in range(2):
        image(tmp_path / "v" / "JPEGImages" / f"f{i}.jpg")
    image(tmp_path / "v" / "JPEGImages" / "f0.png", (50, 40))
    stated = {"filename": "f0.jpg"} if said == "filename" else {"size": (100, 80)}
    voc_xml(tmp_path / "v" / "Annotations" / "f0.xml", [("cat", 61, 11, 100, 70, "")], **stated)
    voc_xml(tmp_path / "v" / "Annotations" / "f1.xml", CAT)
    conversion = convert_dataset(tmp_path / "v", tmp_path / "out")
    assert conversion.notes == ["1 images without annotations were left out"]
    names = [
        n for split in conversion.splits for n in load_coco(tmp_path / "out", split).file_names
    ]
    assert sorted(names) == ["f0.jpg", "f1.jpg"]


def test_two_images_of_one_stem_are_refused_where_nothing_says_which(tmp_path):
    image(tmp_path / "v" / "JPEGImages" / "f0.jpg")
    image(tmp_path / "v" / "JPEGImages" / "f0.png")
    voc_xml(tmp_path / "v" / "Annotations" / "f0.xml", CAT)
    with pytest.raises(DataError, match=r"may be of .*f0\.jpg or .*f0\.png"):
        convert_dataset(tmp_path / "v", tmp_path / "out")


def test_listed_images_without_xml_are_no_background(tmp_path):
    folder = tmp_path / "v"
    for i in range(4):
        image(folder / "JPEGImages" / f"f{i}.jpg")
        if i != 1:
            voc_xml(folder / "Annotations" / f"f{i}.xml", CAT)
    text(folder / "ImageSets" / "Main" / "train.txt", "f0\nf1\nf2\n")
    text(folder / "ImageSets" / "Main" / "val.txt", "f3\n")
    with pytest.raises(DataError, match=r"no annotations of .*f1\.jpg; --unlabelled background"):
        convert_dataset(folder, tmp_path / "out")
    skipped = convert_dataset(folder, tmp_path / "one", ConvertOptions(unlabelled="skip"))
    assert skipped.images == {"train": 2, "val": 1}
    kept = convert_dataset(folder, tmp_path / "two", ConvertOptions(unlabelled="background"))
    assert kept.images == {"train": 3, "val": 1}
    assert kept.splits["train"].images_without_labels == 1


@pytest.mark.parametrize(
    ("picture", "xml"),
    [("f{}.jpg", "f{}.jpg.xml"), ("f{}.JPG", "f{}.XML"), ("cam{}/f.jpg", "cam{}/f.xml")],
)
def test_suffixes_and_folders(tmp_path, picture, xml):
    for i in range(3):
        image(tmp_path / "v" / "JPEGImages" / picture.format(i))
        voc_xml(tmp_path / "v" / "Annotations" / xml.format(i), [(f"c{i}", 11, 11, 50, 50, "")])
    conversion = convert_dataset(tmp_path / "v", tmp_path / "out")
    assert conversion.images == {"train": 2, "val": 1}
    assert conversion.total("boxes_written") == 3
    assert conversion.classes == ("c0", "c1", "c2")


def test_lists_may_name_files_with_their_suffix(tmp_path):
    for i in range(4):
        image(tmp_path / "v" / "JPEGImages" / f"f{i}.jpg")
        voc_xml(tmp_path / "v" / "Annotations" / f"f{i}.xml", CAT)
    text(tmp_path / "v" / "ImageSets" / "Main" / "train.txt", "f0.jpg\r\nf1.jpg  1\r\n")
    text(tmp_path / "v" / "ImageSets" / "Main" / "val.txt", "f2.jpg\n")
    conversion = convert_dataset(tmp_path / "v", tmp_path / "out")
    assert conversion.images == {"train": 2, "val": 1}
    assert conversion.notes == ["1 annotated images are not in any list"]


def test_test_images_do_not_leak_into_what_is_trained_on(tmp_path):
    for i in range(6):
        image(tmp_path / "v" / "JPEGImages" / f"f{i}.jpg")
        voc_xml(tmp_path / "v" / "Annotations" / f"f{i}.xml", CAT)
    sets = tmp_path / "v" / "ImageSets" / "Main"
    text(sets / "trainval.txt", "f0\nf1\nf2\nf3\n")
    text(sets / "test.txt", "f4\nf5\n")
    options = ConvertOptions(val_share=0.25)
    assert convert_dataset(tmp_path / "v", tmp_path / "out", options).images == {
        "train": 3,
        "val": 1,
        "test": 2,
    }
    assert load_coco(tmp_path / "out", "test").file_names == ("f4.jpg", "f5.jpg")


def test_flat_and_split_folders(tmp_path):
    for split, folder in (("train", "train"), ("val", "valid")):
        for i in range(2):
            image(tmp_path / "v" / folder / f"{split}{i}.jpg")
            voc_xml(tmp_path / "v" / folder / f"{split}{i}.xml", CAT)
    assert convert_dataset(tmp_path / "v", tmp_path / "one").images == {"train": 2, "val": 2}
    conversion = convert_dataset(tmp_path / "v" / "train", tmp_path / "two")
    assert conversion.images == {"train": 1, "val": 1}


def test_a_click_is_no_box(tmp_path):
    objects = [("cat", 30, 30, 30, 60, ""), ("cat", 10, 10, 50, 50, ""), ("cat", 1, 1, 9, 9, "")]
    for i in range(2):
        image(tmp_path / "v" / "JPEGImages" / f"f{i}.jpg")
        voc_xml(tmp_path / "v" / "Annotations" / f"f{i}.xml", objects)
    conversion = convert_dataset(tmp_path / "v", tmp_path / "out")
    assert conversion.reasons("dropped") == {"no size": 2}


def test_entities_are_not_read(tmp_path):
    image(tmp_path / "v" / "JPEGImages" / "f.jpg")
    text(tmp_path / "v" / "Annotations" / "f.xml",
         '<!DOCTYPE a [<!ENTITY b "bomb">]><annotation>&b;</annotation>')  # fmt: skip
    with pytest.raises(DataError, match="declares XML entities"):
        convert_dataset(tmp_path / "v", tmp_path / "out")
