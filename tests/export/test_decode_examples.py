"""The decoders for other people's programs, in C and in numpy, against our own post-processing."""

import ctypes
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from evonas.detector import FAST, anchor_boxes, postprocess
from evonas.export.produce import export_detector
from evonas.training.validation import as_input

pytest.importorskip("ai_edge_litert.interpreter")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def exported(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("decode")
    export_detector(archive, out, ["tflite"])
    return out


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location(
        "decode_raw", EXAMPLES / "decode" / "decode_raw.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def outputs(archive, exported, example, pixels):
    image = pixels[3].permute(1, 2, 0).numpy()
    codes, logits = example.run(exported / "detector.tflite", image, 10)
    with torch.inference_mode():
        ours = archive.detector(as_input(pixels[3:4]))
    np.testing.assert_allclose(codes, ours[0][0], atol=1e-4)
    np.testing.assert_allclose(logits, ours[1][0], atol=1e-4)
    return codes, logits


def expected(archive, codes, logits):
    skeleton = archive.detector.architecture.skeleton
    given = (torch.from_numpy(part)[None] for part in (codes, logits))
    found = postprocess(*given, anchor_boxes(skeleton), skeleton.image_size, FAST)
    real = found.labels[0] >= 0
    boxes, scores, labels = (part[0][real].numpy() for part in found)
    assert len(boxes) > 10
    return boxes / skeleton.image_size, scores, labels


def test_numpy_finds_what_evonas_finds(archive, exported, example, outputs):
    anchors = np.load(exported / "anchors.npy")
    found = example.decode(*outputs, anchors)
    for theirs, ours in zip(found, expected(archive, *outputs), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-5)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_c_finds_what_evonas_finds(archive, exported, outputs, tmp_path):
    source, library = tmp_path / "decode.c", tmp_path / "decode.so"
    source.write_text(
        '#include "evonas_decode.h"\n#include "anchors.h"\n'
        "size_t decode(const float *codes, const float *logits, size_t classes,\n"
        "              evonas_detection *found, size_t room) {\n"
        "    size_t n = sizeof evonas_anchors / sizeof *evonas_anchors / 4;\n"
        "    return evonas_decode(codes, logits, evonas_anchors, n, classes, 0.01f, 0.6f, found, "
        "room);\n}\n"
    )
    command = [sys.executable, EXAMPLES / "decode" / "decode_raw.py", exported, "--anchors-header"]
    header = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (tmp_path / "anchors.h").write_text(header)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
    includes = ["-I", EXAMPLES / "decode", "-I", tmp_path]
    subprocess.run(["gcc", *flags, *includes, source, "-o", library, "-lm"], check=True)

    kind = np.dtype([("box", "<f4", 4), ("score", "<f4"), ("label", "<i4")])
    found = np.zeros(100, kind)
    codes, logits = (np.ascontiguousarray(part, np.float32) for part in outputs)
    decode = ctypes.CDLL(str(library)).decode
    decode.restype = ctypes.c_size_t
    pointers = [ctypes.c_void_p(part.ctypes.data) for part in (codes, logits, found)]
    count = decode(*pointers[:2], ctypes.c_size_t(10), pointers[2], ctypes.c_size_t(100))
    boxes, scores, labels = expected(archive, *outputs)
    assert count == len(boxes)
    np.testing.assert_allclose(found["box"][:count], boxes, atol=1e-5)
    np.testing.assert_allclose(found["score"][:count], scores, atol=1e-5)
    np.testing.assert_array_equal(found["label"][:count], labels)
