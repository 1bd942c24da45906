import json

import numpy as np
import pytest
from PIL import Image

from evonas.data import load_coco
from evonas.training.confusion import confusion_matrix
from evonas.training.detections import Detections, GroundTruth


@pytest.fixture
def ground_truth(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (100, 100)).save(tmp_path / "val" / name)
    boxes = [(1, 1, [0, 0, 20, 20], 0), (1, 2, [50, 50, 20, 20], 0), (2, 1, [0, 0, 90, 90], 1)]
    content = {
        "images": [
            {"id": i, "file_name": name, "width": 100, "height": 100}
            for i, name in ((1, "a.png"), (2, "b.png"))
        ],
        "annotations": [
            {"id": i, "image_id": image, "category_id": label, "bbox": box, "iscrowd": crowd}
            for i, (image, label, box, crowd) in enumerate(boxes, 1)
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    (tmp_path / "annotations" / "instances_val.json").write_text(json.dumps(content))
    return GroundTruth(load_coco(tmp_path, "val"))


def detections(*rows):
    """Rows are image, label, score, box."""
    return Detections(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64).reshape(-1, 4),
        np.array([row[2] for row in rows], np.float64),
        np.array([row[1] for row in rows], np.int64),
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], [[0, 0, 1], [0, 0, 1], [0, 0, 0]]),
        ([(0, 0, 0.9, [0, 0, 20, 20])], [[1, 0, 0], [0, 0, 1], [0, 0, 0]]),
        ([(0, 1, 0.9, [0, 0, 20, 20])], [[0, 1, 0], [0, 0, 1], [0, 0, 0]]),
        ([(0, 0, 0.4, [0, 0, 20, 20])], [[0, 0, 1], [0, 0, 1], [0, 0, 0]]),
        # Two for one box: the better one has it, the other is a false alarm.
        (
            [(0, 1, 0.6, [0, 0, 20, 20]), (0, 0, 0.9, [0, 0, 20, 21])],
            [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
        ),
        # On a crowd: neither hit nor false alarm.
        ([(1, 0, 0.9, [0, 0, 90, 90])], [[0, 0, 1], [0, 0, 1], [0, 0, 0]]),
        ([(1, 0, 0.9, [10, 10, 20, 20])], [[0, 0, 1], [0, 0, 1], [0, 0, 0]]),
        ([(1, 0, 0.9, [0, 90, 10, 99])], [[0, 0, 1], [0, 0, 1], [1, 0, 0]]),
    ],
)
def test_hits_mistakes_misses_and_false_alarms(ground_truth, found, expected):
    assert confusion_matrix(ground_truth, detections(*found)).tolist() == expected
