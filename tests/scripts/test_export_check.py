"""The check of 320-pixel exports, on one published network and a few scenes."""

import json

import pytest

from evonas.data import load_coco, make_digits
from evonas.data.drawing import Found
from scripts.report.check_networks import PUBLISHED, random_networks
from scripts.report.export_check import Wanted, examined, faults, rows_of
from scripts.report.same_boxes import SameBoxes, compare


def found(score: float, *box: float, name: str = "a") -> Found:
    return Found(name, 0, score, box)


def test_boxes_are_matched_by_class_score_and_place():
    ours = [found(0.9, 0, 0, 10, 10), found(0.5, 20, 0, 30, 10), found(0.4, 0, 20, 9, 30, name="b")]
    same = compare([found(0.9, 0, 0.1, 10, 10), *ours[1:]], ours, 0.3, 100)
    assert (same.boxes, same.expected, same.unmatched) == (3, 3, 0)
    assert same.pixels == pytest.approx(0.1)
    for other in (found(0.9, 0, 1, 10, 10), found(0.8, 0, 0, 10, 10), found(0.9, 0, 0, 10, 10,
                                                                          name="b")):  # fmt: skip
        assert compare([other, *ours[1:]], ours, 0.3, 100).unmatched == 2
        assert compare([other, *ours[1:]], ours, 0.3, 100).limit == 0


def test_what_rounding_puts_on_either_side_of_a_limit_is_told_apart():
    edge, full = [found(0.3001, 0, 0, 9, 9)], [found(0.9, 0, 0, 9, 9), found(0.5, 20, 0, 30, 9)]
    assert compare([], edge, 0.3, 100).limit == compare([], edge, 0.3, 100).unmatched == 1
    other = [full[0], found(0.4999, 40, 0, 50, 9)]
    assert compare(full, other, 0.3, 2).limit == compare(full, other, 0.3, 2).unmatched == 2
    assert compare(full, other, 0.3, 3).limit == 0
    outside = [full[0], found(0.6, 0, 5, 0, 9)]  # of no area, but one of the two that it may give
    assert compare(outside, full, 0.3, 2) == SameBoxes(1, 2, 1, 1)


def test_ten_random_networks_are_five_of_each_rule():
    names = random_networks(10)
    assert len({*names}) == 10
    assert sum(name.startswith("mobiledet@cpu:") for name in names) == 5


@pytest.mark.slow
def test_a_published_networks_files_give_the_boxes_of_detect(tmp_path):
    pytest.importorskip("ai_edge_litert.interpreter")
    data = make_digits(tmp_path / "digits", train=2, val=2, size=160)
    kinds = ("archive", "tflite", "tflite-post")
    train, val = load_coco(data, "train"), load_coco(data, "val")
    wanted = Wanted(train, val, val, tmp_path, 2, 0.02, kinds)
    [row] = examined([PUBLISHED[0]], ["speaking"], wanted)
    assert faults(row) == []
    boxes = row["boxes"]["archive"]
    assert min(boxes["boxes"], boxes["expected"]) > 100
    assert boxes["pixels"] < 0.05
    with open(tmp_path / "networks.jsonl", "a") as file:
        file.write('{"network": "cut sh')
    assert rows_of(tmp_path / "networks.jsonl") == [row]
    [again] = examined([PUBLISHED[0]], ["speaking"], wanted)  # nothing is done again
    assert json.dumps(again) == json.dumps(row)
    worse = {**boxes, "unmatched": boxes["limit"] + 3}
    assert faults({**row, "boxes": {**row["boxes"], "archive": worse}}) == [
        "3 boxes differ from evonas detect on the archive"
    ]
