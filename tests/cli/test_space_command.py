"""`evonas space`, and `--space FILE` of the other commands."""

import json

import pytest

from evonas.cli import main
from evonas.space import catalogue, load_space

MAKE = ["space", "make", "--from", "mobiledet", "--image-size", "192", "--rules", "edgetpu"]


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("EVONAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalogue, "_OPENED", {})
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path, capsys):
    path = tmp_path / "my.yaml"
    command = [*MAKE, "--multipliers", "0.25,0.5,0.75", "--out", str(path), "--json"]
    assert main(command) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["name"], made["image_size"], made["file"]) == ("my", 192, str(path))
    return path


def said(capsys, command):
    code = main([str(word) for word in command])
    return code, capsys.readouterr()


def test_a_made_file_is_shown_listed_and_forgotten(capsys, file):
    code, shown = said(capsys, ["space", "show", file, "--json"])
    assert code == 0
    assert json.loads(shown.out)["genes"][0] == {"name": "stem.width", "choices": [8, 16, 24]}
    assert main(["space", "add", str(file)]) == 0
    names = [
        s["name"]
        for s in json.loads(said(capsys, ["space", "list", "--json"])[1].out.splitlines()[-1])[
            "spaces"
        ]
    ]
    assert "my" in names
    assert main(["space", "remove", "my"]) == 0
    code, shown = said(capsys, ["space", "remove", "my"])
    assert (code, "unknown space of your own 'my'" in shown.err) == (2, True)


def test_a_search_takes_the_file_and_then_the_name_in_another_process(
    capsys, file, tmp_path, monkeypatch
):
    search = ["search", "--objectives", "latency:edge-gpu,params", "--generations", 1]
    search += ["--population", 4, "--no-remeasure", "--json"]
    code, found = said(capsys, [*search, "--space", file, "--out", tmp_path / "a"])
    assert code == 0
    front = json.loads(found.out)["front"]
    assert all(row["arch_id"].startswith("my:") for row in front)
    monkeypatch.setattr(catalogue, "_OPENED", {})
    code, again = said(capsys, [*search, "--space", "my", "--out", tmp_path / "b"])
    assert json.loads(again.out)["front"] == front
    code, arch = said(capsys, ["arch", "show", front[0]["arch_id"], "--json"])
    assert json.loads(arch.out)["space"] == "my"


def test_a_search_without_weights_says_the_whole_command(capsys, file, tmp_path, home):
    data = tmp_path / "my data"
    command = ["search", "--space", file, "--data", data, "--out", tmp_path / "out"]
    code, found = said(capsys, command)
    assert code == 2
    weights = home / "supernets" / "my.safetensors"
    assert (
        f"train them with: evonas supernet train --space my --data '{data}' --out {weights}"
        in found.err
    )


def test_files_of_another_definition_are_refused(capsys, file, tmp_path):
    samples = ["device", "export-samples", "--count", 20, "--out", tmp_path / "samples"]
    file.write_text(file.read_text().replace("class_slots: 91", "class_slots: 3"))
    load_space(str(file))
    assert main(["space", "add", str(file)]) == 0
    file.write_text(file.read_text().replace("class_slots: 3", "class_slots: 4"))
    code, found = said(capsys, [*samples, "--space", file])
    assert code == 2
    assert "you have another space of the name 'my'" in found.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--image-size", "200"], "the new space: image_size: 200: a multiple of 32"),
        (["--multipliers", "a"], "--multipliers 'a': numbers separated by commas"),
        (["--out", "x.txt"], "the name must end in .yaml"),
        (["--ops", "ibm"], "there is no op 'ibm'"),
        (["--name", "pico"], "the name 'pico' is taken"),
        (["--from", "pixo"], "unknown space with a file of its own 'pixo'"),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line(capsys, tmp_path, options, message):
    out = tmp_path / "x.yaml"
    code, found = said(capsys, [*MAKE, "--out", out, *options])
    assert code == 2
    assert message in found.err
    assert len(found.err.splitlines()) == 1
    assert not out.exists()


def test_a_file_with_other_content_is_not_written_over(capsys, tmp_path):
    out = tmp_path / "compose.yaml"
    out.write_text("services: {}\n")
    code, found = said(capsys, [*MAKE, "--out", out])
    assert (code, out.read_text()) == (2, "services: {}\n")
    assert "is there already, with other content" in found.err


def test_without_spaces_of_one_s_own_none_is_listed(capsys, home):
    code, found = said(capsys, ["space", "remove", "my"])
    assert (code, found.err) == (2, "error: unknown space of your own 'my'; there is none\n")


@pytest.mark.slow
def test_anchors_are_fitted_to_data(capsys, tmp_path):
    data = tmp_path / "digits"
    assert main(["data", "make", "digits", "--out", str(data), "--train", "40", "--val", "8"]) == 0
    out = tmp_path / "mine.yaml"
    assert main([*MAKE, "--data", str(data), "--out", str(out)]) == 0
    head = load_space(str(out)).skeleton.head
    assert head.class_slots == 10
    assert head.anchors != load_space("mobiledet").skeleton.head.anchors
