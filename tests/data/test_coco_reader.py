import json

import numpy as np
import pytest

from evonas.data import list_splits, load_coco, read_coco
from evonas.errors import ConfigurationError, DataError


def test_columns_are_in_the_order_of_ids(small):
    dataset = load_coco(small.write(), "val")
    assert dataset.image_ids.tolist() == [10, 20, 30]
    assert dataset.file_names == ("a.png", "b.png", "c.png")
    assert dataset.sizes.tolist() == [[20, 20], [20, 30], [40, 20]]
    assert dataset.class_names == ("dog", "cat")
    assert dataset.annotation_ids.tolist() == [2, 1, 3]
    assert dataset.image_index.tolist() == [0, 2, 2]
    assert dataset.labels.tolist() == [0, 1, 0]
    assert dataset.areas.tolist() == [200, 200, 700.5]
    assert dataset.is_crowd.tolist() == [False, False, True]


def test_first_images(small):
    dataset = load_coco(small.write(), "val").first(2)
    assert len(dataset) == len(dataset.file_names) == len(dataset.sizes) == 2
    assert dataset.annotation_ids.tolist() == [2]


@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("annotations/instances_val.json", "val"),
        ("annotations/instances_val.json", "images/val"),
        ("annotations/instances_val.json", "images"),
        ("annotations/instances_val2017.json", "val2017"),
        ("val/_annotations.coco.json", "val"),
    ],
)
def test_known_layouts(small, annotations, images):
    folder = small.write(annotations=annotations, images=images)
    assert list_splits(folder) == ("val",)
    assert len(load_coco(folder, "val")) == 3


def test_any_file_can_be_named(small):
    folder = small.write(annotations="here.json", images="there")
    assert len(read_coco(folder / "here.json", folder / "there")) == 3


def test_a_split_that_is_not_there(small):
    with pytest.raises(DataError, match=r"no split 'train'.*instances_train\.json"):
        load_coco(small.write(), "train")


def test_no_annotations_at_all(small):
    small.content["annotations"] = []
    dataset = load_coco(small.write(), "val")
    assert dataset.boxes.shape == (0, 4)
    assert len(dataset) == 3


def _damage(kind, index, **values):
    def change(content):
        content[kind][index].update(values)

    return change


def _delete(kind, index, key):
    def change(content):
        del content[kind][index][key]

    return change


FAULTS = {
    "no bbox": (_delete("annotations", 1, "bbox"), "annotation 2 of image 10 has no 'bbox'"),
    "no width": (_delete("images", 0, "width"), r"image 30 \(c.png\) has no 'width'"),
    "no id": (_delete("images", 2, "id"), r"image number 3 \(b.png\) has no 'id'"),
    "no category": (_delete("annotations", 0, "category_id"), "annotation 1 .*'category_id'"),
    "no name": (_delete("categories", 0, "name"), "category 7 has no 'name'"),
    "short box": (_damage("annotations", 0, bbox=[1, 2, 3]), "annotation 1 .* 4 finite"),
    "text box": (_damage("annotations", 0, bbox="box"), "annotation 1 .* 4 finite"),
    "null box": (_damage("annotations", 0, bbox=[1, 2, 3, None]), "annotation 1 .* 4 finite"),
    "huge box": (_damage("annotations", 0, bbox=[1, 2, 3, 10**400]), "64 bits"),
    "NaN box": (_damage("annotations", 0, bbox=[1, 2, 3, np.nan]), "annotation 1 .* 4 finite"),
    "infinite area": (_damage("annotations", 0, area=np.inf), "annotation 1 .*'area'.*finite"),
    "empty box": (_damage("annotations", 0, bbox=[1, 2, 0, 3]), "annotation 1 .* no size"),
    "negative box": (_damage("annotations", 0, bbox=[9, 9, -3, 3]), "annotation 1 .* no size"),
    "box outside": (_damage("annotations", 1, bbox=[15, 0, 10, 9]), "annotation 2 .* outside"),
    "unknown image": (_damage("annotations", 1, image_id=11), "annotation 2 of image 11 .*list"),
    "unknown category": (_damage("annotations", 1, category_id=4), "annotation 2 .*'category_id'"),
    "text id": (_damage("images", 1, id="10"), "image 10 .* not a 64-bit integer"),
    "long id": (_damage("images", 1, id=2**63), "64 bits"),
    "same image id": (_damage("images", 2, id=30), r"image 30 \(b.png\) has the id of an earlier"),
    "same annotation id": (_damage("annotations", 2, id=1), "annotation 1 .* earlier"),
    "same category id": (_damage("categories", 1, id=7), "category 7 has the id of an earlier"),
    "no categories": (
        lambda content: content["categories"].clear(),
        "no categories; name at least",
    ),
    "number as annotation": (lambda content: content["annotations"].append(5), "number 4 is no"),
    "no images": (lambda content: content.pop("images"), "no list under 'images'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_with_file_and_id(small, fault):
    change, message = FAULTS[fault]
    folder = small.write()
    change(small.content)
    path = folder / "annotations" / "instances_val.json"
    path.write_text(json.dumps(small.content))
    with pytest.raises(DataError, match=message) as caught:
        load_coco(folder, "val")
    assert str(path) in str(caught.value)


def test_further_faults_are_counted(small):
    for annotation in small.content["annotations"]:
        annotation["bbox"] = [0, 0, 0, 0]
    with pytest.raises(DataError, match=r"annotation 1 .* \(and 2 more such\)"):
        load_coco(small.write(), "val")


def test_bad_boxes_can_be_dropped(small):
    small.content["annotations"][0]["bbox"] = [0, 0, 0, 5]
    dataset = read_coco(
        small.write() / "annotations" / "instances_val.json", small.folder / "val", "drop"
    )
    assert dataset.annotation_ids.tolist() == [2, 3]
    with pytest.raises(ConfigurationError, match="refuse, drop, clip"):
        load_coco(small.folder, "val", "keep")


def test_a_box_may_reach_a_pixel_out(small):
    small.content["annotations"][1]["bbox"] = [-0.5, 0, 21, 20]
    assert load_coco(small.write(), "val").boxes[0].tolist() == [-0.5, 0, 21, 20]


def test_missing_image_files_are_named(small):
    folder = small.write()
    (folder / "val" / "b.png").unlink()
    with pytest.raises(DataError, match=r"image 20 \(b.png\) has no file in .*val"):
        load_coco(folder, "val")


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", "[" * 100_000])
def test_a_file_that_is_no_coco_file(small, text):
    folder = small.write()
    path = folder / "annotations" / "instances_val.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"instances_val\.json"):
        load_coco(folder, "val")
