import json
from importlib import import_module
from pathlib import Path

import pytest
import typer

from evonas.cli import COMMANDS, attribute_of, main


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = attribute_of(command)
    module = import_module(f"evonas.cli.{name}")
    is_group = isinstance(getattr(module, "app", None), typer.Typer)
    assert is_group != hasattr(module, name)
    assert main([command, "--help"]) == 0
    assert "Usage: evonas" in capsys.readouterr().out


def test_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fly"], 2, "No such command 'fly'"),
        (["space", "show", "[b]nope"], 2, "error: unknown space '[b]nope'; known: "),
        (["arch", "show", "nope"], 2, "error: unknown architecture 'nope'"),
        (["arch", "show", "nope:00"], 2, "error: unknown space 'nope'"),
        (["arch", "show", "pico:00"], 3, "error: arch_id 'pico:00': after 'pico' and a colon"),
        (["arch", "show", "pico:9000000"], 3, "gene 'b1.l1.op' is 9, allowed are 0 to 1"),
    ],
)
def test_mistakes_have_one_line_and_an_exit_code(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_space_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["space", "list", "--json"]) == 0
    spaces = json.loads(capsys.readouterr().out)["spaces"]
    assert {"nano", "pico", "mobiledet"} <= {space["name"] for space in spaces}
    assert main(["space", "show", "pico", "--json"]) == 0
    pico = json.loads(capsys.readouterr().out)
    assert pico["n_genes"] == len(pico["genes"])
    assert pico["genes"][2]["choices"][0] == "skip"
    assert main(["space", "show", "pico"]) == 0
    assert pico["fingerprint"] in capsys.readouterr().out


def test_arch_show_of_a_published_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["arch", "show", "mobiledet-edgetpu", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["space"] == "mobiledet@edgetpu"
    first = shown["blocks"][0]
    assert (first["width"], first["size"], first["ops"]) == (16, 160, ["tucker_k3_0.25_0.75"])
    assert first["madds"] == sum(layer["madds"] for layer in first["layers"])
    for entry in shown["latency"].values():
        assert sum(entry["share"]) == pytest.approx(1)
    assert round(shown["params_bn4"] / 1e6, 2) == 4.20
    assert main(["arch", "show", shown["arch_id"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == shown
    assert main(["arch", "show", shown["arch_id"]]) == 0
    assert "tucker_k3_0.25_0.75" in capsys.readouterr().out


def test_arch_list_has_networks_and_baselines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["arch", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["architectures"]}
    assert rows["mobiledet-gpu"]["published"]["coco17_map"] == 27.5
    assert rows["ssdlite320_mobilenet_v3_large"]["params"] == 3_440_060
    assert "published" not in rows["ssdlite-mobilenet-v2"]
    assert main(["arch", "list"]) == 0
    assert "ssdlite320_mobilenet_v3_large" in capsys.readouterr().out


def test_arch_show_of_a_baseline_with_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "v2.html"
    call = ["arch", "show", "ssdlite-mobilenet-v2", "--picture", str(picture)]
    assert main([*call, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["arch_id"] is None
    assert [block["width"] for block in shown["blocks"]] == [16, 24, 32, 64, 96, 160, 320]
    assert "b7.l1 ibn_k3_e6" in picture.read_text()
    assert main(["arch", "show", "mobilenet"]) == 2
    assert "named networks are" in capsys.readouterr().err


def test_annotations_with_missing_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations = tmp_path / "annotations"
    annotations.mkdir()
    (annotations / "instances_train.json").write_text('{"images": [], "categories": []}')
    assert main(["data", "check", str(tmp_path)]) == 3
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "instances_train.json" in told
    assert "annotations" in told
    assert told.count("\n") == 1
