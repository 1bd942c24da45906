import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evonas.cli import main
from evonas.cli.data import app
from evonas.data import data_fingerprint
from evonas.data.coco_folder import check_outside_data
from evonas.errors import ConfigurationError

runner = CliRunner()


def test_make_and_check(tmp_path):
    folder = tmp_path / "digits"
    arguments = ["make", "digits", "--out", str(folder), "--train", "6", "--val", "3", "--json"]
    made = runner.invoke(app, arguments)
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout) == {
        "folder": str(folder),
        "train": 6,
        "val": 3,
        "fingerprint": data_fingerprint(folder),
    }
    checked = runner.invoke(app, ["check", str(folder), "--json"])
    report = json.loads(checked.stdout)["splits"]["val"]
    assert report["images"] == 3
    assert report["boxes"] == sum(report["boxes_per_class"].values())
    assert report["broken"] == []


def test_check_names_broken_images(small):
    folder = small.write()
    (folder / "val" / "b.png").write_bytes(b"no image")
    result = runner.invoke(app, ["check", str(folder)])
    assert result.exit_code == 3
    assert "3 images (1 without boxes), 2 boxes, 1 crowd boxes" in result.stdout
    assert "b.png: image 20 cannot be decoded" in result.stdout


def test_check_of_no_data_set(tmp_path):
    result = runner.invoke(app, ["check", str(tmp_path)])
    assert "no split" in str(result.exception)


def test_nothing_is_written_into_a_data_set(small, monkeypatch, capsys):
    folder = small.write()
    before = data_fingerprint(folder)
    link = folder.parent / "link"
    link.symlink_to(folder)
    for arguments in (
        ["check", folder, "--grid", folder / "g.png"],
        ["check", folder, "--grid", link / "pictures" / "g.png"],
        ["tile", folder, "--size", "32", "--out", folder / "tiles"],
        ["make", "digits", "--train", "1", "--val", "1", "--out", folder / "digits"],
    ):
        assert main(["data", *map(str, arguments)]) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert f"lies in the data set {folder}, whose fingerprint would change" in said
    assert data_fingerprint(folder) == before
    monkeypatch.chdir(folder.parent)
    main(["data", "check", "small", "--grid", "g.png"])
    assert Path("g.png").is_file()
    check_outside_data(Path("small-tiles"))
    with pytest.raises(ConfigurationError, match="small: is a data set, whose fingerprint"):
        check_outside_data(Path("small"))


def test_a_folder_of_data_sets_is_none(small):
    check_outside_data(small.write().parent / "another")


def test_folders_of_all_layouts_are_data_sets(small, tmp_path):
    roboflow = small.write(annotations="valid/_annotations.coco.json", images="valid")
    own_split = tmp_path / "own" / "annotations"
    own_split.mkdir(parents=True)
    (own_split / "instances_mine.json").write_text("{}")
    for folder in (roboflow, own_split.parent):
        with pytest.raises(ConfigurationError, match="lies in the data set"):
            check_outside_data(folder / "a" / "b")
