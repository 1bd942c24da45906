import io
import json
import os
import time
import zipfile

import pytest
from PIL import Image

from app.architecture.downloads import export_tasks
from app.shared import exports
from app.shared.downloads import _zipped
from app.shared.exports import ExportTask, exported_files, is_exporting, start_export
from evonas.detector.archive import load_archive
from evonas.errors import ConfigurationError, SchemaError
from evonas.export.load import load_detector
from evonas.export.produce import export_detector
from evonas.space import resolve

ARCH = "nano:000000000000000"
MAKE = "Make ONNX, TFLite, int8 TFLite"


@pytest.fixture
def task(done) -> ExportTask:
    return ExportTask(
        str(done), done / "export", done.parents[2] / "data", done / "best.safetensors"
    )


def labels(at) -> list[str]:
    """What can be downloaded or pressed."""
    return [button.label for button in (*at.get("download_button"), *at.button)]


def test_files_are_those_of_the_card_that_are_there_and_new(done, task):
    assert exported_files(task) == []
    written = export_detector(load_archive(done / "best.safetensors"), task.out, ["onnx", "tflite"])
    found = exported_files(task)
    assert [file.format for file in found] == ["onnx", "tflite"]
    for file, entry in zip(found, written, strict=False):
        assert file.size == entry.size == file.path.stat().st_size
        assert file.difference == pytest.approx(entry.difference)
        assert file.ap is None  # without images
    os.utime(done / "best.safetensors", (time.time() + 60,) * 2)  # trained anew
    assert exported_files(task) == []


def test_the_zip_has_all_that_evonas_needs(task, done, tmp_path):
    export_detector(load_archive(done / "best.safetensors"), task.out, ["tflite"])
    with zipfile.ZipFile(io.BytesIO(_zipped(task.out))) as content:
        content.extractall(tmp_path / "taken")
    assert {"card.json", "anchors.npy"} < {path.name for path in (tmp_path / "taken").iterdir()}
    load_detector(tmp_path / "taken" / "detector.tflite").detect(Image.new("RGB", (90, 60)), 0.5)


def test_what_an_export_of_other_weights_said_is_not_shown(task, done):
    folder = exports._PROCESS
    folder.mkdir(parents=True)
    (folder / "target.json").write_text(json.dumps({"out": str(task.out.resolve())}))
    (folder / exports.background.LOG).write_text("written")
    assert exports.export_log(task) == "written"
    later = (folder / exports.background.LOG).stat().st_mtime + 1
    os.utime(task.weights, (later, later))  # trained again
    assert exports.export_log(task) == ""


def test_a_damaged_card_is_one_message_and_names_in_it_lead_nowhere_else(open_app, done, task):
    task.out.mkdir()
    (task.out / "card.json").write_text('{"files": [{"format": "onnx", "file": "../config.json"}]}')
    assert exported_files(task) == []
    (task.out / "card.json").write_text('{"files": 3}')
    with pytest.raises(SchemaError, match="damaged"):
        exported_files(task)
    at = open_app(page="training")
    assert not at.exception
    assert len(at.error) == 1


def test_training_offers_files_with_their_checks(open_app, done, task):
    at = open_app(page="training")
    assert MAKE in labels(at)
    export_detector(load_archive(done / "best.safetensors"), task.out, ["onnx", "tflite"])
    at = at.run()
    assert not at.exception
    assert {"ONNX", "TFLite", "Make int8 TFLite"} <= {*labels(at)}
    [table] = [f.value for f in at.dataframe if "checks" in f.value]
    assert table["file"].tolist() == ["ONNX", "TFLite"]
    assert (table["differs from the network by"] < 1e-3).all()


def test_architecture_offers_files_of_its_trainings_and_of_the_supernet(open_app, done):
    tasks, words = export_tasks(resolve(ARCH))
    assert list(tasks) == [done.name, "supernet:scenes"]
    assert words[done.name] == f"trained here: {ARCH} on scenes, 6 steps, seed 0"
    at = open_app(page="architecture", arch=ARCH)
    assert not at.exception
    assert MAKE in labels(at)
    at = at.text_input(key="arch").set_value("mobiledet-edgetpu").run()
    assert not at.exception
    assert MAKE not in labels(at)


def test_read_only_makes_no_files(open_app, done, task, monkeypatch):
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_app(page="training")
    assert MAKE not in labels(at)
    with pytest.raises(ConfigurationError, match="read-only"):
        start_export(task)


def test_one_export_runs_at_a_time_and_says_what_it_does(open_app, done, task, monkeypatch):
    monkeypatch.setattr("app.shared.background.evonas_command", lambda _: ["sleep", "30"])
    start_export(task)
    try:
        assert is_exporting(task)
        with pytest.raises(ConfigurationError, match="another network is being exported"):
            start_export(ExportTask(ARCH, done / "other", None))
        at = open_app(page="training")
        assert "Writing and checking the files" in " ".join(info.value for info in at.info)
    finally:
        exports.background.end(exports._PROCESS)
    assert not is_exporting(task)


@pytest.mark.slow
def test_an_int8_file_is_made_in_the_background(open_app, done, task):
    start_export(
        ExportTask(task.source, task.out, done.parents[2] / "data" / "scenes", task.weights)
    )
    deadline = time.monotonic() + 120
    while is_exporting(task):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    found = {file.format: file for file in exported_files(task)}
    assert {*found} == {"onnx", "tflite", "tflite-int8"}, exports.export_log(task)
    assert found["tflite-int8"].ap is not None
    assert "calibrated on" in found["tflite-int8"].notes
