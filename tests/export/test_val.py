"""`evonas val`: one network has one AP, pycocotools' to the last digit."""

import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evonas.cli import main
from evonas.data import load_coco
from evonas.detector import FAST, PUBLISHED
from evonas.detector.archive import load_archive, save_archive
from evonas.errors import ConfigurationError, DataError, SchemaError
from evonas.export.evaluate import evaluate_subject
from evonas.export.produce import export_detector
from evonas.export.subject import open_subject
from evonas.paths import shipped_data
from evonas.supernet.archive import extract_archive
from evonas.training.average_precision import Matches, mean_precision
from evonas.training.bootstrap import bootstrap
from evonas.training.detections import GroundTruth
from evonas.training.evaluator import Evaluator
from evonas.training.validation import Validation

FORMATS = ("archive", "onnx", "onnx-nms", "tflite")


@pytest.fixture(scope="module")
def archive(digits):
    """A network of the shipped supernet, which finds what is there."""
    weights = shipped_data() / "supernets" / "nano.safetensors"
    return extract_archive("nano:111057020002190", weights, digits)


@pytest.fixture(scope="module")
def dataset(digits):
    return load_coco(digits, "val")


@pytest.fixture(scope="module")
def exported(archive, dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported")
    export_detector(archive, out, FORMATS, validation=dataset)
    return out


def by_pycocotools(dataset, detections) -> np.ndarray:
    sides = detections.sides()
    found = [
        {
            "image_id": int(dataset.image_ids[image]),
            "category_id": int(dataset.category_ids[label]),
            "bbox": box.tolist(),
            "score": float(score),
        }
        for image, label, box, score in zip(
            detections.image_index, detections.labels, sides, detections.scores, strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(dataset.annotation_file))
        judge = COCOeval(truth, truth.loadRes(found), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge.stats


@pytest.mark.parametrize("protocol", [FAST, PUBLISHED])
def test_ap_is_pycocotools_to_the_last_digit(archive, dataset, tmp_path, protocol):
    save_archive(tmp_path / "a.safetensors", archive)
    found = evaluate_subject(open_subject(tmp_path / "a.safetensors"), dataset, protocol)
    expected = by_pycocotools(dataset, found.detections)
    assert found.metrics.ap > 0.3
    assert [found.metrics.ap, found.metrics.ap50, found.metrics.ap75] == expected[:3].tolist()
    ours = list(found.as_dict()["coco"].values())
    theirs = np.where(expected == -1, np.nan, expected)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    assert found.protocol == protocol


def test_one_network_has_one_ap(archive, dataset, exported):
    by_search = Validation(dataset, 64).score(archive.detector)
    metrics = Evaluator(dataset, 64, torch.device("cpu"))(archive.detector)
    by_val = evaluate_subject(open_subject(exported), dataset, samples=0).metrics
    card = load_archive(exported / "detector.safetensors").card
    told = json.loads((exported / "card.json").read_text())
    assert by_search == (metrics.ap, metrics.ap50) == (by_val.ap, by_val.ap50)
    assert card.metrics["map"] == told["metrics"]["map"] == by_val.ap
    assert told["protocol"] == FAST.as_dict()


def test_the_protocol_changes_ap_and_is_stated(archive, dataset, tmp_path):
    few = replace(FAST, name="few", candidates=5)
    carded = replace(archive, card=replace(archive.card, protocol=few))
    save_archive(tmp_path / "a.safetensors", carded)
    subject = open_subject(tmp_path / "a.safetensors")
    by_card = evaluate_subject(subject, dataset, samples=0)
    assert by_card.protocol == few
    assert by_card.metrics.ap < evaluate_subject(subject, dataset, FAST, samples=0).metrics.ap
    export_detector(carded, tmp_path / "files", ["archive"], validation=dataset)
    told = json.loads((tmp_path / "files" / "card.json").read_text())
    assert told["metrics"]["map"] == by_card.metrics.ap


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("detector.onnx", "onnx"),
        ("detector-nms.onnx", "onnx-nms"),
        ("detector.tflite", "tflite"),
    ],
)
def test_exported_files_have_nearly_the_archives_ap(exported, dataset, file, kind):
    pytest.importorskip("onnxruntime")
    subject = open_subject(exported / file)
    assert subject.format == kind
    ours = evaluate_subject(subject, dataset, samples=0).metrics.ap
    theirs = evaluate_subject(open_subject(exported), dataset, samples=0).metrics.ap
    assert ours == pytest.approx(theirs, abs=2e-3)


def test_a_file_with_suppression_in_it_has_its_own_protocol_only(exported, dataset):
    subject = open_subject(exported / "detector-nms.onnx")
    assert evaluate_subject(subject, dataset, FAST, samples=0).protocol == FAST
    with pytest.raises(ConfigurationError, match="holds its post-processing, fast: best 100"):
        evaluate_subject(subject, dataset, PUBLISHED)


def test_classes_are_matched_by_name(archive, dataset, tmp_path):
    save_archive(tmp_path / "a.safetensors", archive)
    subject = open_subject(tmp_path / "a.safetensors")
    whole = evaluate_subject(subject, dataset, samples=0)
    keep = dataset.labels < 3
    per_box = ("annotation_ids", "image_index", "boxes", "labels", "areas", "is_crowd")
    part = replace(
        dataset,
        category_ids=dataset.category_ids[:3],
        class_names=dataset.class_names[:3],
        **{name: getattr(dataset, name)[keep] for name in per_box},
    )
    found = evaluate_subject(subject, part, samples=0)
    assert found.unasked == tuple("3456789")
    np.testing.assert_allclose(
        found.metrics.ap_per_class, whole.metrics.ap_per_class[:3], atol=1e-12
    )
    other = replace(dataset, class_names=("cat", *dataset.class_names[1:]))
    with pytest.raises(DataError, match="it has no cat"):
        evaluate_subject(subject, other)


def test_intervals_are_of_images_drawn_again(archive, dataset, tmp_path):
    save_archive(tmp_path / "a.safetensors", archive)
    found = evaluate_subject(open_subject(tmp_path / "a.safetensors"), dataset, samples=100)
    again = evaluate_subject(open_subject(tmp_path / "a.safetensors"), dataset, samples=100)
    low, high = found.intervals.ap
    assert found.intervals.ap == again.intervals.ap
    assert low < found.metrics.ap < high
    other = evaluate_subject(open_subject(tmp_path / "a.safetensors"), dataset, None, 100, seed=1)
    assert other.intervals.ap != found.intervals.ap
    assert found.intervals.per_class.shape == (10, 2)


def test_a_sample_counts_an_image_as_often_as_it_was_drawn(archive, dataset):
    detections = Validation(dataset, 64).detect(archive.detector)
    matches = Matches(GroundTruth(dataset), detections)
    counts = np.random.default_rng(0).multinomial(12, np.ones(12) / 12)
    drawn = np.repeat(np.arange(12), counts)
    # The same as a data set in which the images stand so many times.
    boxes = [np.flatnonzero(dataset.image_index == image) for image in drawn]
    rows = [np.flatnonzero(detections.image_index == image) for image in drawn]
    box, row = np.concatenate(boxes), np.concatenate(rows)
    per_box = ("annotation_ids", "boxes", "labels", "areas", "is_crowd")
    repeated = replace(
        dataset,
        image_ids=np.arange(12),
        sizes=dataset.sizes[drawn],
        image_index=np.repeat(np.arange(12), [len(part) for part in boxes]),
        **{name: getattr(dataset, name)[box] for name in per_box},
    )
    found = replace(
        detections,
        image_index=np.repeat(np.arange(12), [len(part) for part in rows]),
        boxes=detections.boxes[row],
        scores=detections.scores[row],
        labels=detections.labels[row],
    )
    whole = Matches(GroundTruth(repeated), found).precision()
    np.testing.assert_allclose(matches.precision(counts), whole, atol=1e-12)
    assert mean_precision(whole) > 0.3
    with np.errstate(all="raise"):
        assert bootstrap(matches, 3, 0).ap[0] >= 0


def test_the_command_states_figures_intervals_and_protocol(exported, digits, capsys):
    assert main(["val", str(exported), "--data", str(digits), "--bootstrap", "20", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["coco"]) == 12
    assert set(told["per_class"]) == set("0123456789")
    assert told["intervals"]["map"][0] <= told["map"] <= told["intervals"]["map"][1]
    assert told["protocol"] == FAST.as_dict()
    assert (told["images"], told["split"], told["format"]) == (12, "val", "archive")
    arguments = ["val", str(exported), "--data", str(digits), "--protocol", "published"]
    assert main([*arguments, "--split", "train", "--images", "4"]) == 0
    out = capsys.readouterr().out
    assert "train: 4 images" in " ".join(out.split())
    assert "protocol published: all anchors" in out


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("nothing.safetensors", 3, "no such file; an archive"),
        ("/dev/zero", 3, "/dev/zero: no file; an archive"),
        ("", 3, "no detector in this folder; looked for best.safetensors, detector.safetensors"),
        ("x.onnx", 3, "card.json: no such file"),
        ("x.safetensors", 3, "not a detector"),
    ],
)
def test_what_cannot_be_evaluated_gets_one_message(digits, tmp_path, capsys, source, code, message):
    for name in ("x.onnx", "x.safetensors"):
        (tmp_path / name).write_bytes(b"abc")
    assert main(["val", str(tmp_path / source), "--data", str(digits)]) == code
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_damaged_file_beside_a_good_card_gets_one_message(exported, tmp_path):
    (tmp_path / "card.json").write_bytes((exported / "card.json").read_bytes())
    for name in ("x.onnx", "x.tflite"):
        (tmp_path / name).write_bytes(b"abc" * 50)
        with pytest.raises(SchemaError, match=r"cannot be run \(|not a readable TFLite"):
            open_subject(tmp_path / name)


def test_an_overlap_without_tiles_is_refused(exported, digits, capsys):
    call = ["val", str(exported), "--data", str(digits), "--overlap", "0"]
    assert main(call) == 2
    assert "give --tile" in capsys.readouterr().err
