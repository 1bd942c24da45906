import json

import numpy as np
import pytest
from PIL import Image

from evonas.data import load_coco, make_digits
from evonas.errors import SchemaError
from evonas.retraining import RunFolder, read_examples
from evonas.retraining.examples import COUNT, write_examples
from evonas.training.detections import Detections


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return load_coco(make_digits(tmp_path_factory.mktemp("data") / "d", train=2, val=30), "val")


def as_detections(dataset, scores):
    """What a network would give that finds every true box."""
    boxes = dataset.boxes.copy()
    boxes[:, 2:] += boxes[:, :2]
    return Detections(dataset.image_index, boxes, scores, dataset.labels)


def test_examples_read_back_with_truth_and_detections(dataset, tmp_path):
    scores = np.random.default_rng(0).random(len(dataset.labels))
    write_examples(RunFolder(tmp_path), dataset, as_detections(dataset, scores))
    examples = read_examples(RunFolder(tmp_path))
    assert len(examples) == COUNT
    assert examples[0].name == dataset.file_names[0]
    assert examples[-1].name == dataset.file_names[-1]
    for example in examples:
        index = dataset.file_names.index(example.name)
        boxes = dataset.boxes[dataset.image_index == index]
        assert {entry.box for entry in example.truth} == {entry.box for entry in example.found}
        assert example.truth[0].box[:2] == pytest.approx(boxes[0, :2], abs=0.01)
        ranked = [entry.score for entry in example.found]
        assert ranked == sorted(ranked, reverse=True)
        with Image.open(example.picture) as kept, Image.open(dataset.path_of(index)) as image:
            assert kept.convert("RGB").tobytes() == image.convert("RGB").tobytes()


def test_boxes_are_in_pixels_of_pictures_made_smaller(tmp_path):
    data = load_coco(make_digits(tmp_path / "d", train=2, val=2, size=640), "val")
    write_examples(RunFolder(tmp_path), data, as_detections(data, np.ones(len(data.labels))))
    example = read_examples(RunFolder(tmp_path))[0]
    with Image.open(example.picture) as picture:
        assert max(picture.size) == 320
    assert example.truth[0].box[0] == pytest.approx(data.boxes[0, 0] / 2, abs=0.01)


def test_no_detections_and_damaged_files(dataset, tmp_path):
    folder = RunFolder(tmp_path)
    nothing = Detections(np.zeros(0, int), np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    write_examples(folder, dataset, nothing)
    assert not any(example.found for example in read_examples(folder))
    content = json.loads(folder.examples.read_text())
    content["examples"][0]["picture"] = "../../../etc/passwd"
    folder.examples.write_text(json.dumps(content))
    assert read_examples(folder)[0].picture == folder.pictures / "passwd"
    for text in ("", "[]", '{"examples": [{"name": 1}]}', '{"examples": 3}'):
        folder.examples.write_text(text)
        with pytest.raises(SchemaError):
            read_examples(folder)
    folder.examples.unlink()
    with pytest.raises(SchemaError, match="no such file"):
        read_examples(folder)
