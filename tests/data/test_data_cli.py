import json

from typer.testing import CliRunner

from evonas.cli.data import app
from evonas.data import data_fingerprint

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
