import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from evonas.cli import main
from evonas.detector.archive import save_archive
from evonas.errors import SchemaError
from evonas.export.detect import detect_in_file
from evonas.export.produce import export_detector
from evonas.export.runtime import ExportedDetector


@pytest.fixture(scope="module")
def exported(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("export")
    export_detector(archive, out, ["onnx-nms"])
    return out


@pytest.fixture(scope="module")
def photo(digits, tmp_path_factory):
    """A scene in another size than the network's."""
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    scene = sorted((digits / "val").glob("*.png"))[0]
    Image.open(scene).convert("RGB").resize((150, 90)).save(path)
    return path


def test_it_finds_what_torch_finds(archive, exported, photo):
    image, expected = detect_in_file(archive, photo, 0.3)
    found = ExportedDetector(exported).detect(image, 0.3)
    assert [entry.label for entry in found] == [entry.label for entry in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.name == theirs.name
        assert ours.score == pytest.approx(theirs.score, abs=1e-4)
        np.testing.assert_allclose(ours.box, theirs.box, atol=0.05)


def test_it_says_its_time_and_what_it_is(archive, exported, photo):
    detector = ExportedDetector(exported / "detector-nms.onnx")
    assert detector.latency_ms(Image.open(photo), runs=3) > 0
    assert detector.architecture == archive.card.architecture
    assert detector.classes == archive.card.classes


def test_the_command_takes_an_exported_file_without_torch(archive, exported, photo, tmp_path):
    file = exported / "detector-nms.onnx"
    code = (
        "import sys; from evonas.cli import main; "
        f"assert main(['detect', {str(file)!r}, {str(photo)!r}, '--json']) == 0; "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    (ours,) = json.loads(done.stdout)["images"]
    save_archive(tmp_path / "net.safetensors", archive)
    _, theirs = detect_in_file(archive, photo, 0.5)
    assert [entry["label"] for entry in ours["detections"]] == [entry.label for entry in theirs]


@pytest.mark.parametrize("damage", ["no file", "no card", "half", "other card", "other outputs"])
def test_what_is_no_exported_detector_is_refused(archive, exported, tmp_path, damage):
    card, file = tmp_path / "card.json", tmp_path / "detector-nms.onnx"
    card.write_text((exported / "card.json").read_text())
    file.write_bytes((exported / "detector-nms.onnx").read_bytes())
    if damage == "no file":
        file.unlink()
    elif damage == "no card":
        card.unlink()
    elif damage == "half":
        file.write_bytes(file.read_bytes()[:1000])
    elif damage == "other card":
        card.write_text('{"classes": 3}')
    else:
        export_detector(archive, tmp_path, ["onnx"])
        file.write_bytes((tmp_path / "detector.onnx").read_bytes())
    with pytest.raises(SchemaError):
        ExportedDetector(tmp_path)
    assert main(["detect", str(file), "photo.png"]) == 3
