"""Commands that write files: nothing of somebody's is written over, and messages lead somewhere."""

import json
import shutil

import pytest
from PIL import Image

from evonas.cli import main
from evonas.detector.archive import save_archive
from evonas.errors import ConfigurationError
from evonas.export.produce import export_detector
from evonas.latency.campaigns.samples import export_samples
from evonas.space import load_space


def test_a_published_network_without_weights_is_told_the_whole_way(tmp_path, capsys):
    assert main(["export", "mobiledet-edgetpu", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "evonas train mobiledet-edgetpu --data DATA --out runs/mobiledet-edgetpu\n" in said
    assert "evonas export runs/mobiledet-edgetpu --out" in said
    assert "evonas import FILE --as mobiledet-edgetpu" in said
    assert main(["export", "mobiledet-edgetpuu", "--out", str(tmp_path)]) == 2
    assert "mobiledet-edgetpu," in capsys.readouterr().err
    assert main(["export", str(tmp_path), "--out", str(tmp_path)]) == 3
    assert "no detector in this folder" in capsys.readouterr().err


def test_files_of_two_networks_do_not_share_a_card(archive, make_archive, tmp_path):
    export_detector(archive, tmp_path, ["archive", "onnx"])
    export_detector(archive, tmp_path, ["onnx-nms"])  # the same network's go together
    listed = json.loads((tmp_path / "card.json").read_text())["files"]
    assert [entry["format"] for entry in listed] == ["archive", "onnx", "anchors", "onnx-nms"]
    other = make_archive("pico")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigurationError, match=r"of another network \(its architecture"):
        export_detector(other, tmp_path, ["onnx"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    export_detector(other, tmp_path, ["archive", "onnx", "onnx-nms"])  # all anew


def test_an_export_into_its_own_folder_keeps_the_weights(archive, tmp_path):
    save_archive(tmp_path / "detector.safetensors", archive)
    assert main(["export", str(tmp_path), "--out", str(tmp_path), "--format", "archive"]) == 0
    assert main(["export", str(tmp_path), "--out", str(tmp_path), "--format", "onnx"]) == 0


def test_measured_latencies_are_not_written_over(tmp_path):
    results = export_samples(load_space("pico"), 20, tmp_path)
    export_samples(load_space("pico"), 20, tmp_path)  # nothing is filled in yet
    lines = results.read_text().splitlines()
    lines[1] = lines[1].replace(",,", ",1.5,")
    results.write_text("\n".join(lines))
    with pytest.raises(ConfigurationError, match="has 1 measured networks"):
        export_samples(load_space("pico"), 20, tmp_path)
    assert results.read_text().splitlines() == lines


def test_the_grid_is_written_where_it_was_asked_for(digits, tmp_path, capsys):
    assert main(["data", "check", str(digits), "--grid", str(tmp_path / "g.jpg"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["grid"] == str(tmp_path / "g.jpg")
    assert Image.open(tmp_path / "g.jpg").format == "JPEG"
    one = tmp_path / "one"
    shutil.copytree(digits, one)
    before = (one / "train" / "000000.png").read_bytes()
    assert main(["data", "check", str(one), "--grid", str(one / "train" / "000000.png")]) == 2
    assert (one / "train" / "000000.png").read_bytes() == before
    assert main(["data", "check", str(one), "--grid", str(tmp_path / "g.txt")]) == 2


def test_a_picture_of_an_architecture_is_a_page(tmp_path, capsys):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"precious")
    assert main(["arch", "show", "pico:0000000", "--picture", str(photo)]) == 2
    assert "the name must end in .html" in capsys.readouterr().err
    assert photo.read_bytes() == b"precious"


def test_imported_weights_are_not_written_over(tmp_path, capsys):
    there = tmp_path / "mobiledet-cpu.safetensors"
    there.write_bytes(b"fine-tuned")
    arguments = ["import", str(tmp_path), "--as", "mobiledet-cpu", "--out", str(tmp_path)]
    assert main(arguments) == 2
    assert "exists already" in capsys.readouterr().err
    assert there.read_bytes() == b"fine-tuned"


def test_a_file_is_no_folder_for_imported_weights(tmp_path, capsys):
    there = tmp_path / "notes"
    there.write_text("mine")
    assert main(["import", str(tmp_path), "--as", "mobiledet-cpu", "--out", str(there)]) == 2
    assert "notes: is a file; name a folder with --out" in capsys.readouterr().err
