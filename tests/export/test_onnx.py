import copy
from dataclasses import replace

import pytest
import torch

from evonas.detector import FAST
from evonas.export.onnx import OnnxDetector, export_onnx
from evonas.training.validation import as_input

pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("space", ["nano", "nano@cpu", "pico"])
def test_onnx_gives_torchs_outputs_for_any_batch(make_archive, pixels, space):
    archive = make_archive(space)
    run = OnnxDetector(export_onnx(archive))
    for n in (1, 5):
        images = as_input(pixels[:n])
        with torch.inference_mode():
            expected = archive.detector(images)
        for ours, theirs in zip(run(images), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("space", ["nano", "nano@cpu"])
def test_onnx_suppresses_as_torch_does(make_archive, pixels, space):
    archive = make_archive(space)
    archive = replace(
        archive, card=replace(archive.card, detection=replace(FAST, score_threshold=0.5))
    )
    images = as_input(pixels[:6])
    boxes, scores, labels = OnnxDetector(export_onnx(archive, nms=True))(images)
    expected = archive.detect_normalised(images)
    assert (labels >= 0).any()
    assert (labels == -1).any()
    torch.testing.assert_close(scores, expected.scores, rtol=0, atol=1e-4)
    agree = labels == expected.labels  # nearly equal scores may change places
    assert agree.float().mean() > 0.98
    torch.testing.assert_close(boxes[agree], expected.boxes[agree], rtol=1e-3, atol=1e-2)


def test_where_nothing_is_there_is_padding_alone(archive, pixels):
    silent = replace(archive, detector=copy.deepcopy(archive.detector))
    for name in silent.detector.units:
        if "classes" in name and not silent.detector.unit(name).largest.batch_norm:
            torch.nn.init.constant_(silent.detector.unit(name).bias, -20)
    run = OnnxDetector(export_onnx(silent, nms=True))
    boxes, scores, labels = run(as_input(pixels[:2]))
    assert boxes.shape == (2, 100, 4)
    assert (scores == 0).all()
    assert (labels == -1).all()
