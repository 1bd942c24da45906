import math

import pytest
import torch

from evonas.detector import FAST, Detections, anchor_boxes, postprocess
from evonas.export.post_processing import operator_protocol
from evonas.export.rounding import ExportError
from evonas.export.suppression import SuppressionCheck
from evonas.training.validation import as_input


@pytest.fixture(scope="module", params=["fast", "tflite"])
def case(request, archive, pixels):
    """A check, and detections that pass it."""
    protocol = FAST if request.param == "fast" else operator_protocol(archive)
    with torch.inference_mode():
        codes, logits = archive.detector(as_input(pixels[:3]))
    given = codes, logits, anchor_boxes(archive.detector.architecture.skeleton), 64, protocol
    return SuppressionCheck(*given), postprocess(*given)


def changed(found, part, change):
    parts = {name: getattr(found, name).clone() for name in found._fields}
    change(parts[part])
    return Detections(**parts)


def test_right_detections_pass_in_any_order_of_ties(case):
    check, found = case
    assert check.check(found, "file") == int((found.labels >= 0).sum()) > 30
    turned = Detections(*(part.flip(1) for part in found))
    assert check.check(turned, "file") == check.check(found, "file")


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("boxes", lambda boxes: boxes[1, 2].add_(0.1), "1 boxes that no anchor has there"),
        ("boxes", lambda boxes: boxes[1].copy_(boxes[1][:, [1, 0, 3, 2]]), "no anchor has"),
        ("scores", lambda scores: scores[0, 0].mul_(0.9), "no anchor has there"),
        ("labels", lambda labels: labels[0, 0].add_(1).remainder_(10), "no anchor has there"),
        ("labels", lambda labels: labels[2, 0].fill_(-1), "1 are missing, the best of score"),
    ],
)
def test_wrong_detections_are_named(case, part, change, message):
    check, found = case
    with pytest.raises(ExportError, match=message):
        check.check(changed(found, part, change), "file")


def test_what_should_have_been_suppressed_is_noticed(archive, pixels):
    with torch.inference_mode():
        codes, logits = archive.detector(as_input(pixels[:1]))
    anchors = anchor_boxes(archive.detector.architecture.skeleton)
    from dataclasses import replace

    loose = postprocess(codes, logits, anchors, 64, replace(FAST, iou_threshold=0.95))
    check = SuppressionCheck(codes, logits, anchors, 64, FAST, math.inf)
    with pytest.raises(ExportError, match="two that overlap by more"):
        check.check(loose, "file")


def beyond_the_image(*boxes):
    """Codes and anchors of boxes (x1, y1, x2, y2) of equal score, unclipped, on 64 pixels."""
    anchors = torch.tensor(boxes, dtype=torch.float32)
    return torch.zeros(1, len(boxes), 4), torch.zeros(1, len(boxes), 1), anchors


def test_boxes_that_are_one_only_where_the_image_ends_are_two(archive):
    """As int8 gives them: equal scores, and sides far outside."""
    protocol = operator_protocol(archive)
    apart = beyond_the_image([-400, -400, 70, 70], [-5, -5, 500, 500], [-6, -400, 480, 70])
    check = SuppressionCheck(*apart, 64, protocol, math.inf)
    whole = Detections(torch.tensor([[[0.0, 0, 64, 64]] * 3]), torch.full((1, 3), 0.5),
                       torch.zeros(1, 3, dtype=torch.long))  # fmt: skip
    assert check.check(whole, "file") == 3
    near = beyond_the_image([-400, -400, 70, 70], [-410, -400, 72, 70], [-400, -405, 71, 70])
    check = SuppressionCheck(*near, 64, protocol, math.inf)
    with pytest.raises(ExportError, match="two that overlap by more"):
        check.check(whole, "file")
