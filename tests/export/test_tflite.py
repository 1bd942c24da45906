import warnings

import numpy as np
import pytest
import torch

from evonas.export.tflite import TFLiteDetector, calibrated_ranges, export_tflite
from evonas.space import load_published
from evonas.training.validation import as_input

litert = pytest.importorskip("ai_edge_litert.interpreter")


@pytest.mark.parametrize("space", ["nano", "nano@cpu"])
def test_tflite_gives_torchs_outputs(make_archive, pixels, space):
    archive = make_archive(space)
    images = as_input(pixels[:3])
    with torch.inference_mode():
        expected = archive.detector(images)
    found = TFLiteDetector(export_tflite(archive.detector), 10)(images)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("space", ["nano", "nano@cpu"])
def test_int8_is_whole_and_near(make_archive, pixels, space):
    archive = make_archive(space)
    images = as_input(pixels)
    run = TFLiteDetector(
        export_tflite(archive.detector, "int8", calibrated_ranges(archive.detector, images)), 10
    )
    assert run.is_int8()
    with torch.inference_mode():
        expected = archive.detector(images)
    for ours, theirs in zip(run(images), expected, strict=True):
        assert np.corrcoef(ours.numpy().ravel(), theirs.numpy().ravel())[0, 1] > 0.95


def test_outliers_do_not_set_the_ranges(archive, pixels):
    from evonas.export.tflite import activation_ranges

    images = as_input(pixels)
    tflite = export_tflite(archive.detector)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the interpreter's own would stand in every export's log
        usual = activation_ranges(tflite, images)
    strange = activation_ranges(tflite, torch.cat([images] * 9 + [torch.full_like(images[:1], 40)]))
    for name, (low, high) in usual.items():
        assert strange[name][1] - strange[name][0] < 3 * (high - low) + 1e-3, name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobiledet-dsp", "mobiledet-edgetpu", "mobiledet-gpu"])
def test_published_networks_become_int8_files_whose_every_operator_is_int8(name, speaking):
    images = torch.rand(2, 3, 320, 320, generator=torch.Generator().manual_seed(0)) * 2 - 1
    detector = speaking(load_published(name), (images * 127.5 + 127.5).to(torch.uint8))
    run = TFLiteDetector(export_tflite(detector, "int8", calibrated_ranges(detector, images)), 91)
    assert run.is_int8()
    assert set(run.operators()) <= {"ADD", "CONV_2D", "DEPTHWISE_CONV_2D"}
    codes, logits = run(images)
    assert codes.shape == (2, 2034, 4)
    assert logits.shape == (2, 2034, 91)
