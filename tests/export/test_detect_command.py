"""`evonas detect`: its models, its inputs, the names of its outputs, and bad images among good."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evonas.cli import main
from evonas.data import load_coco
from evonas.detector.archive import save_archive
from evonas.errors import SchemaError
from evonas.export.detect import detect_in_image, detect_on_tiles
from evonas.export.image_files import find_images, output_paths
from evonas.export.load import ArchiveDetector, load_detector
from evonas.export.produce import calibration_images, export_detector


@pytest.fixture(scope="module")
def exported(archive, digits, tmp_path_factory):
    """A folder with all of an archive's files."""
    out = tmp_path_factory.mktemp("exported")
    images = calibration_images(load_coco(digits, "train"), archive.image_size, 8)
    export_detector(archive, out, calibration=images)
    return out


@pytest.fixture(scope="module")
def scene(digits):
    return Image.open(sorted((digits / "val").glob("*.png"))[0]).convert("RGB")


@pytest.fixture
def here(tmp_path, scene, monkeypatch):
    """Two pictures of one stem, the second one turned, in the working folder."""
    for number, name in enumerate(("a/x.png", "b/x.png")):
        (tmp_path / name).parent.mkdir()
        scene.transpose(Image.Transpose.ROTATE_180 if number else 0).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tree(folder="."):
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()
    }


def detect(model, *arguments):
    return main(["detect", str(model), *map(str, arguments)])


def test_pictures_of_one_stem_get_a_drawing_each(exported, here):
    assert detect(exported, "a/x.png", "b/x.png", "--out", "o") == 0
    drawn = tree("o")
    assert set(drawn) == {"a/x.png", "b/x.png"}
    assert drawn["a/x.png"] != drawn["b/x.png"]


def test_no_input_is_written_over_and_a_second_call_writes_the_same_names(exported, here):
    os.chdir("a")
    before = Path("x.png").read_bytes()
    for _ in range(2):
        assert detect(exported, "x.png", "--out", ".") == 0
        assert Path("x.png").read_bytes() == before
        assert set(tree()) == {"x.png", "x-detections.png"}


def test_a_picture_of_somebody_else_is_not_written_over(exported, here):
    shutil.copytree("b", "album")
    before = tree("album")
    assert detect(exported, "a/x.png", "--out", "album") == 0
    after = tree("album")
    assert after.pop("x-detections.png")
    assert after == before


def test_an_input_behind_a_link_is_not_written_over(exported, here):
    Path("o").mkdir()
    Path("o/x.png").symlink_to(here / "a" / "x.png")
    before = tree("a")
    assert detect(exported, "b/x.png", "--out", "o") == 0
    assert tree("a") == before


def test_a_bad_picture_among_good_ones_is_reported_at_the_end(exported, here, capsys):
    Path("bad.png").write_bytes(Path("a/x.png").read_bytes()[:300])
    assert detect(exported, "a/x.png", "bad.png", "none.png", "b/x.png", "--out", "o") == 3
    said = capsys.readouterr()
    assert set(tree("o")) == {"a/x.png", "b/x.png"}
    assert said.out.count("->") == 2
    assert "2 of 4 images failed" in said.err
    assert "bad.png" in said.err
    assert "none.png" in said.err
    assert detect(exported, "a/x.png", "bad.png", "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert [entry["image"] for entry in told["images"]] == ["a/x.png"]
    assert [entry["image"] for entry in told["failed"]] == ["bad.png"]


def test_folders_and_patterns_stand_for_their_pictures(exported, here, capsys):
    Path("a/deep").mkdir()
    shutil.copy("b/x.png", "a/deep/y.PNG")
    Path("a/notes.txt").write_text("no picture")
    for given in (["a"], ["a/**/*.[pP][nN][gG]"], ["a/x.png", "a"]):
        assert detect(exported, *given, "--json") == 0
        images = json.loads(capsys.readouterr().out)["images"]
        assert sorted(entry["image"] for entry in images) == ["a/deep/y.PNG", "a/x.png"]
    Path("empty").mkdir()
    assert detect(exported, "empty", "*.webp") == 3
    said = capsys.readouterr().err
    assert "empty: no image in this folder" in said
    assert "*.webp: no file fits this pattern" in said


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(here):
    shutil.copy("a/x.png", "x[1].png")
    assert find_images(["x[1].png"]) == [Path("x[1].png")]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.jpg", "b.jpg"], ["a.png", "b.png"]),
        (["p/a.jpg", "q/a.jpg", "q/b.jpg"], ["p/a.png", "q/a.png", "b.png"]),
        (["a.jpg", "a.png"], ["a.jpg.png", "a.png.png"]),
        (["A.jpg", "a.jpg"], ["A.png", "a-detections.png"]),
        (["p/s/a.jpg", "p/a.jpg"], ["s/a.png", "a.png"]),
        (["a.jpg", "a.png", "p/a.png.png"], ["a.jpg.png", "a.png.png", "a.png-detections.png"]),
    ],
)
def test_names_do_not_collide(tmp_path, monkeypatch, names, expected):
    monkeypatch.chdir(tmp_path)
    paths = output_paths([Path(name) for name in names], Path("out"), lambda _: False)
    assert len({str(path).casefold() for path in paths}) == len(names)
    if expected[0] != "A.png":
        assert [str(path.relative_to("out")) for path in paths] == expected


@pytest.mark.parametrize(
    ("file", "tolerance"),
    [("detector-nms.onnx", 1e-3), ("detector.onnx", 1e-3), ("detector.tflite", 1e-3)],
)
def test_exported_files_find_what_the_archive_finds(archive, exported, scene, file, tolerance):
    expected = detect_in_image(archive, scene, 0.3)
    found = load_detector(exported / file).detect(scene, 0.3)
    assert [entry.name for entry in found] == [entry.name for entry in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.score == pytest.approx(theirs.score, abs=tolerance)
        np.testing.assert_allclose(ours.box, theirs.box, atol=0.05)


def test_an_int8_file_finds_most_of_it(archive, exported, scene):
    expected = {entry.name for entry in detect_in_image(archive, scene, 0.5)}
    found = {
        entry.name for entry in load_detector(exported / "detector-int8.tflite").detect(scene, 0.2)
    }
    assert expected & found


def test_a_runs_folder_is_its_best_network(archive, scene, tmp_path):
    save_archive(tmp_path / "best.safetensors", archive)
    found = load_detector(tmp_path).detect(scene, 0.3)
    assert found == detect_in_image(archive, scene, 0.3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "no detector in this folder; looked for best.safetensors"),
        ("none.safetensors", "no such file"),
        ("none", "no such file"),
        ("net.pt", "not a detector: expected a file that ends in"),
        ("text.onnx", "card.json"),
        ("text.tflite", "card.json"),
    ],
)
def test_what_is_no_detector_is_refused(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    for other in ("net.pt", "text.onnx", "text.tflite"):
        (tmp_path / other).write_text("text")
    with pytest.raises(SchemaError, match=message):
        load_detector(tmp_path / (name or "empty"))


@pytest.mark.parametrize("file", ["detector.onnx", "detector-nms.onnx", "detector.tflite"])
def test_files_beside_the_card_of_another_network_are_refused(exported, scene, tmp_path, file):
    shutil.copy(exported / file, tmp_path)
    card = json.loads((exported / "card.json").read_text())
    for change in ({"classes": ["0"]}, {"architecture": "pico:0000000", "classes": ["0"] * 9}):
        (tmp_path / "card.json").write_text(json.dumps(card | change))
        with pytest.raises(SchemaError):
            load_detector(tmp_path / file).detect(scene, 0.3)


@pytest.mark.parametrize(
    "change",
    [{"std": 0}, {"std": "x"}, {"mean": float("nan")}, {"classes": "0123456789"}, {"classes": []},
     {"image_size": "64"}, {"image_size": 65}, {"image_size": 10**9}, {"architecture": 7},
     {"architecture": "nano:zz"}, {"anchors": [1]}, {"anchors": {"scales": [1, -1]}},
     {"iou_threshold": []}],
)  # fmt: skip
def test_a_card_of_wrong_values_is_refused_with_one_message(exported, tmp_path, change, capsys):
    shutil.copy(exported / "detector.onnx", tmp_path)
    card = json.loads((exported / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps(card | change))
    assert detect(tmp_path / "detector.onnx", "a.png") == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_onnx_files_with_other_inputs_are_refused(exported, tmp_path):
    import onnx

    shutil.copy(exported / "card.json", tmp_path)
    model = onnx.load(exported / "detector.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 32
    onnx.save(model, tmp_path / "size.onnx")
    model = onnx.load(exported / "detector.onnx")
    model.graph.input.append(onnx.helper.make_tensor_value_info("more", 1, [1]))
    onnx.save(model, tmp_path / "two.onnx")
    for name in ("size.onnx", "two.onnx"):
        with pytest.raises(SchemaError, match="not an exported detector"):
            load_detector(tmp_path / name)


def test_a_large_image_on_tiles_shows_each_scene_where_it_is(archive, scene):
    """Four scenes side by side, each on a tile of its own, give four times the scene's objects."""
    side = scene.width
    whole = Image.new("RGB", (2 * side, 2 * side))
    for x in (0, side):
        for y in (0, side):
            whole.paste(scene, (x, y))
    alone = detect_in_image(archive, scene, 0.3)
    inner = [e for e in alone if min(e.box) > 2 and max(e.box) < side - 2]
    found = detect_on_tiles(ArchiveDetector(archive), whole, 0.3, side, 0.0)
    assert inner
    for entry in inner:
        for x in (0, side):
            for y in (0, side):
                box = np.add(entry.box, [x, y, x, y])
                assert any(e.label == entry.label and np.allclose(e.box, box) for e in found)
    assert (
        detect_on_tiles(ArchiveDetector(archive), Image.new("RGB", (70, 70)), 0.99, 64, 0.2) == []
    )


def test_the_command_looks_at_tiles(exported, here, scene, capsys):
    scene.resize((200, 130)).save("large.png")
    assert detect(exported, "large.png", "--tile", "64", "--overlap", "0.25", "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)["images"]
    assert all(
        0 <= d["box"][0] <= d["box"][2] <= 200 and 0 <= d["box"][1] <= d["box"][3] <= 130
        for d in entry["detections"]
    )


def test_ctrl_c_says_what_is_done(exported, here, capsys, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("evonas.cli.detect._detect_one", stopped)
    assert detect(exported, "a/x.png", "--out", "o") == 130
    assert "interrupted: 0 of 1 images are done; their drawings are in o" in capsys.readouterr().err


def test_drawings_in_a_folder_are_no_images_of_it(exported, here, capsys):
    for _ in range(2):
        assert detect(exported, ".") == 0
        assert capsys.readouterr().out.count("-> detections") == 2
    assert len(list(here.rglob("*.png"))) == 4
    assert detect(exported, "detections/a/x.png", "--out", "again") == 0  # asked for by name


def test_photographs_of_unread_formats_are_reported(exported, here, capsys):
    (here / "a" / "y.HEIC").write_bytes(b"heic")
    assert detect(exported, "a") == 3
    captured = capsys.readouterr()
    assert "1 of 2 images failed" in captured.err
    assert "y.HEIC: cannot be decoded" in captured.err


def test_images_that_cannot_be_read_are_data_one_or_several(exported, here, capsys):
    assert detect(exported, "none.png") == 3
    assert detect(exported, "none.png", "nothing.png") == 3
    assert "2 of 2 images failed" in capsys.readouterr().err


def test_drawings_that_cannot_be_written_are_no_fault_of_the_data(exported, here, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("evonas.cli.detect._draw", full)
    assert detect(exported, "a/x.png", "--out", "o") == 1


def test_wrong_places_and_options_are_refused_once(exported, digits, here, capsys):
    Path("file").write_text("text")
    inside = sorted((digits / "val").glob("*.png"))[0]
    for arguments, message in (
        (["--out", "file"], "file: is a file; name a folder"),
        (["--out", "file/more"], "file: is a file; name a folder"),
        (["--out", digits], "is a data set, whose fingerprint would change"),
        (["--out", digits / "val"], "lies in the data set"),
        (["--overlap", "0"], "give --tile"),
    ):
        assert detect(exported, "a/x.png", inside, *arguments) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
