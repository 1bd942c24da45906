"""What a file with post-processing says of itself, and dead channels in int8."""

import io
import zipfile

import numpy as np
import pytest

from evonas.errors import SchemaError
from evonas.graph.detection import PostProcessing, read_post_processing
from evonas.graph.quantise import quantise_weights
from evonas.graph.tflite_metadata import OUTPUTS, detection_metadata, with_labels
from evonas.graph.weights import ConvWeights


def test_options_are_a_flexbuffer_under_the_operators_names():
    flexbuffers = pytest.importorskip("flatbuffers.flexbuffers")
    options = PostProcessing(num_classes=3, nms_iou_threshold=0.5)
    stored = flexbuffers.Loads(bytearray(options.options()))
    assert stored["num_classes"] == 3
    assert stored["use_regular_nms"] is True
    assert stored["nms_iou_threshold"] == pytest.approx(0.5)
    assert len(stored) == 11


def test_labels_are_a_stored_file_at_the_end_and_the_same_bytes_each_time():
    classes = ("cat", "two\nlines", "dog")
    content = with_labels(b"network", classes)
    assert content == with_labels(b"network", classes)
    assert content.startswith(b"network")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("labelmap.txt").decode() == "cat\ntwo lines\ndog\n"
        assert archive.getinfo("labelmap.txt").compress_type == zipfile.ZIP_STORED


def test_metadata_names_the_outputs_and_how_pixels_are_normalised():
    content = detection_metadata("net", "of tests", 127.5, 127.5, (-1.0, 1.0))
    assert content[4:8] == b"M001"
    for text in (*OUTPUTS, "detection_result", "labelmap.txt", "1.2.0"):
        assert text.encode() in content
    assert content.count(np.float32(127.5).tobytes()) == 2


@pytest.mark.parametrize("content", [b"", b"abc" * 50, b"\xff" * 4 + b"TFL3" + b"\xff" * 40])
def test_what_is_no_tflite_file_is_refused(content):
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(SchemaError, match="not a readable TFLite file"):
        read_post_processing(content)


@pytest.mark.parametrize("depthwise", [False, True])
def test_a_channel_without_a_kernel_keeps_its_bias(depthwise):
    """Weight decay leaves channels whose folded kernel is next to nothing, but not their bias."""
    kernel = np.full((1, 3, 3, 2) if depthwise else (2, 3, 3, 4), 0.1, np.float32)
    if depthwise:
        kernel[..., 1] = 1e-12
    else:
        kernel[1] = 1e-12
    weights = ConvWeights(kernel, np.array([0.5, 0.5], np.float32))
    _, scale, bias = quantise_weights(weights, depthwise, 0.02)
    np.testing.assert_allclose(bias * scale.astype(np.float64) * 0.02, 0.5, rtol=1e-3)
    assert scale[0] == np.float32(0.1) / np.float32(127)
