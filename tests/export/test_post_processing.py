"""TFLite files that end in boxes: the operator's contract, and the same boxes as the archive."""

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evonas.cli import main
from evonas.data import load_coco
from evonas.data.drawing import Found
from evonas.detector.archive import Archive
from evonas.errors import ConfigurationError, SchemaError
from evonas.export.evaluate import evaluate_subject
from evonas.export.load import ArchiveDetector, load_detector
from evonas.export.post_processing import operator_protocol
from evonas.export.produce import calibration_images, export_detector
from evonas.export.subject import open_subject
from evonas.graph.detection import OPERATOR, PostProcessing, read_post_processing

litert = pytest.importorskip("ai_edge_litert.interpreter")
FLOAT, INT8 = "detector-post.tflite", "detector-int8-post.tflite"
FORMATS = ("archive", "tflite", "tflite-int8", "tflite-post", "tflite-int8-post")


@pytest.fixture(scope="module")
def exported(archive, digits, tmp_path_factory):
    out = tmp_path_factory.mktemp("post")
    images = calibration_images(load_coco(digits, "train"), archive.image_size)
    export_detector(archive, out, FORMATS, images, load_coco(digits, "val"))
    return out


@pytest.fixture(scope="module")
def scenes(digits):
    """36 pictures of several sizes."""
    paths = sorted([*(digits / "val").glob("*.png"), *(digits / "train").glob("*.png")])
    sizes = [(64, 64), (120, 80), (50, 90)]
    return [
        Image.open(path).convert("RGB").resize(sizes[i % 3]) for i, path in enumerate(paths[:36])
    ]


def by_the_published_contract(tflite: bytes, pixels: np.ndarray) -> list[tuple]:
    """Reads a file as MediaPipe, the task library and Coral's examples do, with no help of ours.

    Labels come from the ZIP at the end, boxes from output 0 as top, left, bottom, right, classes
    from 1, scores from 2, their number from 3.
    """
    labels = zipfile.ZipFile(io.BytesIO(tflite)).read("labelmap.txt").decode().splitlines()
    interpreter = litert.Interpreter(model_content=tflite)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    image = pixels if given["dtype"] is np.uint8 else pixels.astype(np.float32) / 127.5 - 1
    interpreter.set_tensor(given["index"], image[None])
    interpreter.invoke()
    boxes, classes, scores, count = (
        interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()
    )
    assert (boxes.shape, classes.shape, scores.shape) == ((1, 100, 4), (1, 100), (1, 100))
    assert count.shape == (1,)
    return [
        (labels[int(classes[0, i])], float(scores[0, i]), boxes[0, i]) for i in range(int(count[0]))
    ]


def unmatched(these: list[Found], those: list[Found]) -> list[Found]:
    """Returns the objects that are not found again: class, score within 1e-4, box within 0.02 px.

    Objects of nearly the same score may stand in either order.
    """
    left, missing = list(those), []
    for found in these:
        for other in left:
            apart = np.abs(np.subtract(found.box, other.box)).max()
            if found.name == other.name and abs(found.score - other.score) < 1e-4 and apart < 0.02:
                left.remove(other)
                break
        else:
            missing.append(found)
    return missing


@pytest.mark.parametrize("file", [FLOAT, INT8])
def test_a_reader_of_the_published_contract_finds_what_detect_finds(exported, pixels, file):
    tflite, detector = (exported / file).read_bytes(), load_detector(exported / file)
    total = 0
    for image in pixels[:8].permute(0, 2, 3, 1).numpy():
        found = detector.detect(Image.fromarray(image), 0.0)
        told = [
            Found(name, 0, score, box[[1, 0, 3, 2]].clip(0, 1) * 64)
            for name, score, box in by_the_published_contract(tflite, image)
        ]
        told = [entry for entry in told if (entry.box[2:] > entry.box[:2]).all()]
        assert unmatched(told, found) == unmatched(found, told) == []
        total += len(told)
    assert total > 100


@pytest.mark.parametrize("threshold", [0.3, 0.02])
def test_it_gives_the_boxes_of_the_archive(archive, exported, scenes, threshold):
    protocol = operator_protocol(archive)
    same = Archive(archive.detector, replace(archive.card, detection=protocol))
    torch, file = ArchiveDetector(same), load_detector(exported / FLOAT)
    total = 0
    for scene in scenes:
        ours, theirs = torch.detect(scene, threshold), file.detect(scene, threshold)
        # What is within rounding of the threshold, or of the 100th score, may be on either side.
        least = max(threshold, min(entry.score for entry in ours) if len(ours) > 99 else 0) + 1e-4
        for these, those in ((ours, theirs), (theirs, ours)):
            assert [entry for entry in unmatched(these, those) if entry.score > least] == []
        total += len(ours)
    assert total > 100


def test_both_commands_read_it_and_its_ap_stands_in_the_card(exported, digits, capsys):
    listed = json.loads((exported / "card.json").read_text())["files"]
    card = {entry["format"]: entry for entry in listed}
    dataset = load_coco(digits, "val")
    for kind, file in (("tflite-post", FLOAT), ("tflite-int8-post", INT8)):
        subject = open_subject(exported / file)
        assert subject.format == kind
        found = evaluate_subject(subject, dataset, samples=0)
        assert found.metrics.ap == pytest.approx(card[kind]["map"], abs=1e-9)
        assert found.protocol.name == "tflite"
    assert card["tflite-post"]["map"] == pytest.approx(card["tflite"]["map"], abs=0.01)
    assert card["tflite-int8-post"]["map"] == pytest.approx(card["tflite-int8"]["map"], abs=0.01)
    with pytest.raises(ConfigurationError, match="holds its post-processing, tflite: all anchors"):
        evaluate_subject(subject, dataset, subject.card.protocol)
    image = str(sorted((digits / "val").glob("*.png"))[0])
    assert main(["detect", str(exported / INT8), image, "--json", "--threshold", "0.1"]) == 0
    assert json.loads(capsys.readouterr().out)["images"][0]["detections"]


def test_detection_needs_no_torch(exported, digits):
    image = str(sorted((digits / "val").glob("*.png"))[0])
    code = (
        "import sys; from evonas.cli import main; "
        f"assert main(['detect', {str(exported / FLOAT)!r}, {image!r}, '--json']) == 0; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_cameras_bytes_are_taken_as_they_are(exported):
    for file, kind, zero in ((INT8, np.uint8, 127), ("detector-int8.tflite", np.int8, -1)):
        interpreter = litert.Interpreter(str(exported / file))
        (given,) = interpreter.get_input_details()
        assert given["dtype"] is kind
        assert given["quantization"] == (pytest.approx(1 / 127.5), zero)


def test_no_byte_of_an_image_is_rounded_to_another():
    from evonas.export.litert import as_given

    every = np.arange(256, dtype=np.float32) / np.float32(127.5) - 1
    for kind, zero in ((np.uint8, 127), (np.int8, -1)):
        given = as_given(every, {"dtype": kind, "quantization": (1 / 127.5, zero)})
        np.testing.assert_array_equal(given, np.arange(256) + np.iinfo(kind).min)


def test_the_operators_options_are_those_of_the_card(archive, exported):
    options = read_post_processing((exported / FLOAT).read_bytes())
    assert options == PostProcessing(
        10, 100, 100, 1, True, pytest.approx(0.01), pytest.approx(0.6), 10.0, 10.0, 5.0, 5.0
    )
    assert read_post_processing((exported / "detector.tflite").read_bytes()) is None


def test_other_options_are_carried_into_the_file(archive, tmp_path):
    protocol = replace(archive.card.detection, detections=7, per_class=False, iou_threshold=0.4)
    other = replace(archive, card=replace(archive.card, detection=protocol))
    export_detector(other, tmp_path, ["tflite-post"])
    options = read_post_processing((tmp_path / FLOAT).read_bytes())
    assert (options.max_detections, options.use_regular_nms) == (7, False)
    assert options.nms_iou_threshold == pytest.approx(0.4)


def test_a_file_without_the_operators_options_is_refused_and_not_run(exported, tmp_path):
    """LiteRT's interpreter would crash, and the process with it."""
    tflite = (exported / FLOAT).read_bytes()
    (tmp_path / "card.json").write_bytes((exported / "card.json").read_bytes())
    path = tmp_path / FLOAT
    for name in (b"num_classes", b"nms_iou_threshold"):
        assert tflite.count(name) == 1
        path.write_bytes(tflite.replace(name, name[::-1]))
        with pytest.raises(SchemaError, match=f"{OPERATOR}: options without {name.decode()}"):
            load_detector(path)
        with pytest.raises(SchemaError, match=r"options without"):
            open_subject(path)
    path.write_bytes(tflite[: len(tflite) // 3])
    assert main(["detect", str(path), "x.png"]) == 3


def test_the_file_of_other_classes_is_refused(exported, tmp_path):
    card = json.loads((exported / "card.json").read_text())
    card["classes"] = card["classes"][:9]
    (tmp_path / "card.json").write_text(json.dumps(card))
    (tmp_path / FLOAT).write_bytes((exported / FLOAT).read_bytes())
    with pytest.raises(SchemaError, match="tells 10 classes, its card names 9"):
        load_detector(tmp_path / FLOAT)
