import json
from dataclasses import replace

import pytest
import torch

from evonas.cli import main
from evonas.data import load_coco
from evonas.detector.archive import load_archive, save_archive
from evonas.errors import ConfigurationError
from evonas.export import writers
from evonas.export.produce import FORMATS, ExportError, calibration_images, export_detector

pytest.importorskip("ai_edge_litert.interpreter")
pytest.importorskip("onnxruntime")


def test_every_file_is_written_checked_and_carded(archive, digits, tmp_path):
    images = calibration_images(load_coco(digits, "train"), 64)
    validation = load_coco(digits, "val")
    written = export_detector(archive, tmp_path, FORMATS, images, validation)
    names = {entry.file for entry in written}
    assert names == {path.name for path in tmp_path.iterdir()} - {"card.json"}
    by_format = {entry.format: entry for entry in written}
    assert set(FORMATS) <= set(by_format)
    for name in ("onnx", "tflite"):
        assert by_format[name].difference < 1e-3
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["classes"] == list(archive.card.classes)
    assert (
        card["metrics"]["map"] == by_format["archive"].map == pytest.approx(by_format["tflite"].map)
    )
    assert "12 images" in card["metrics_of"]
    assert load_archive(tmp_path / "detector.safetensors").card.metrics == card["metrics"]
    assert "against float32" in by_format["tflite-int8"].notes
    assert "int8" in by_format["tflite-int8"].notes


def test_vela_reports_on_the_int8_file(archive, digits, tmp_path):
    pytest.importorskip("ethosu")
    images = calibration_images(load_coco(digits, "train"), 64, count=2)
    written = export_detector(archive, tmp_path, ["tflite-int8"], images)
    reports = [entry for entry in written if entry.format == "vela"]
    assert reports
    for entry in reports:
        report = json.loads((tmp_path / entry.file).read_text())
        assert report["source"] == "compiler"
        assert report["latency_ms"] > 0
        assert report["versions"]


@pytest.mark.parametrize(
    ("formats", "message"),
    [(["onxx"], "unknown format onxx; known: archive"), (["tflite-int8"], "needs images")],
)
def test_wrong_wishes_are_refused_before_anything_is_written(archive, tmp_path, formats, message):
    out = tmp_path / "out"
    with pytest.raises(ConfigurationError, match=message):
        export_detector(archive, out, formats)
    assert not out.exists()


def test_a_file_that_does_something_else_is_not_left_behind(archive, tmp_path, monkeypatch):
    def other(archive):
        wrong = replace(archive, detector=archive.detector.__class__(archive.detector.architecture))
        return export_onnx(wrong)

    export_onnx = writers.export_onnx
    monkeypatch.setattr(writers, "export_onnx", other)
    with pytest.raises(ExportError, match=r"detector\.onnx: codes differ"):
        export_detector(archive, tmp_path, ["onnx"])
    assert not (tmp_path / "detector.onnx").exists()


def test_other_detections_are_noticed_where_the_scores_are_alike(archive, tmp_path, monkeypatch):
    def shifted(images):
        boxes, scores, labels = run(images)
        return boxes + 0.5 * (labels >= 0)[..., None], scores, labels

    data, detector = writers.export_onnx(archive, nms=True), writers.OnnxDetector
    run = detector(data)
    monkeypatch.setattr(
        writers, "OnnxDetector", lambda given: shifted if given == data else detector(given)
    )
    with pytest.raises(ExportError, match="other detections"):
        export_detector(archive, tmp_path, ["onnx-nms"])
    assert not (tmp_path / "detector-nms.onnx").exists()


def test_the_command_takes_an_archive_a_run_and_an_arch_id(archive, digits, tmp_path, capsys):
    save_archive(tmp_path / "run" / "best.safetensors", archive)
    out = tmp_path / "out"
    call = ["export", str(tmp_path / "run"), "--out", str(out), "--format", "onnx", "--json"]
    assert main(call) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [entry["file"] for entry in files] == ["detector.onnx", "anchors.npy"]
    assert main(["export", str(tmp_path / "none.safetensors"), "--out", str(out)]) == 3
    assert "no such file" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "none"), "--out", str(out)]) == 3
    assert "no such file" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["export", str(tmp_path / "empty"), "--out", str(out)]) == 3
    assert "no detector in this folder" in capsys.readouterr().err
    assert main(["export", "nano:000000000000000", "--out", str(out)]) == 2
    assert "give --data" in capsys.readouterr().err


def test_the_command_refuses_places_that_hold_something_else(archive, digits, tmp_path, capsys):
    save_archive(tmp_path / "best.safetensors", archive)
    (tmp_path / "file").write_text("text")
    for out, message in (
        (tmp_path / "file", "file: is a file; name a folder"),
        (digits, "is a data set, whose fingerprint would change"),
        (digits / "files", "lies in the data set"),
    ):
        assert main(["export", str(tmp_path), "--out", str(out), "--format", "archive"]) == 2
        assert message in capsys.readouterr().err
    assert not (digits / "files").exists()


@pytest.mark.slow
def test_a_network_of_the_shipped_supernet_is_exported_with_its_score(digits, tmp_path, capsys):
    arch_id, out = "nano:0173a00230027c0", tmp_path / "out"
    call = ["export", arch_id, "--data", str(digits), "--out", str(out), "--format", "archive"]
    assert main([*call, "--json"]) == 0
    capsys.readouterr()
    archive = load_archive(out / "detector.safetensors")
    assert archive.card.architecture == arch_id
    assert archive.card.made["source"] == "supernet"
    assert archive.card.metrics["map"] > 0.1
    images = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    assert archive.detect(images).boxes.shape == (1, 100, 4)
