"""`evonas table`: what a user types, and what comes back."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from evonas.cli import main
from evonas.errors import ConfigurationError
from evonas.objectives import load_objective
from evonas.search.hypervolume import normalised_hypervolume, worst_corner
from evonas.space import load_space
from evonas.table import create_table, open_table, write_table
from tests.docs.blocks import ROOT, blocks

SPACE = load_space("pico")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 200 rows."""
    table = create_table(tmp_path_factory.mktemp("command") / "table")
    rng = np.random.default_rng(0)
    rows = np.unique(SPACE.sample(900, rng), axis=0)[:200]
    scores = {"map": rng.uniform(0, 1, 200)}
    table.append(SPACE, rows, scores, provenance={"source": "supernet", "weights": "w"})
    table.append(SPACE, rows, SPACE.costs(rows), provenance={"source": "analytic"})
    return table.path


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    assert main(["table", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def failed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main(["table", *map(str, arguments)])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return code, lines[0]


def test_query_by_arch_id_condition_order_and_chance(table: Path, capsys) -> None:
    best = told(capsys, "query", table, "--sort", "map", "--limit", 3, "--columns", "map,madds")
    assert best["n"] == 200
    scores = [row["map"] for row in best["rows"]]
    assert scores == sorted(open_table(table).column("map"), reverse=True)[:3]
    named = told(capsys, "query", table, best["rows"][1]["arch_id"], "--columns", "map,madds")
    assert named["rows"] == [best["rows"][1]]
    worst = told(capsys, "query", table, "--sort", "map", "--worst", "--limit", 1)
    assert worst["rows"][0]["map"] == min(open_table(table).column("map"))
    drawn = told(capsys, "query", table, "--sample", 30, "--where", "map > 0.2")
    assert len(drawn["rows"]) == 30
    assert len(told(capsys, "query", table, "--sample", 30, "--limit", 4)["rows"]) == 4
    assert len(told(capsys, "query", table)["rows"]) == 20
    assert drawn == told(capsys, "query", table, "--sample", 30, "--where", "map > 0.2")


def test_what_query_refuses(table: Path, capsys) -> None:
    arch_id = SPACE.arch_ids(np.full((1, SPACE.n_genes), 1))[0]
    opened = open_table(table)
    if not np.isnan(opened.lookup([arch_id], ["map"])["map"][0]):
        arch_id = "pico:1303030"
    assert failed(capsys, "query", table, arch_id) == (3, f"error: {table}: has no {arch_id}")
    code, message = failed(capsys, "query", table, arch_id, "--where", "map > 0")
    assert (code, "not by both" in message) == (2, True)
    code, message = failed(capsys, "query", table, "--sort", "speed")
    assert (code, "unknown column 'speed'" in message) == (2, True)
    code, message = failed(capsys, "query", table, "--worst")
    assert (code, "--worst needs --sort" in message) == (2, True)
    code, message = failed(capsys, "query", table, "nano:0")
    assert code == 3


def test_front_with_hypervolume(table: Path, capsys) -> None:
    front = told(capsys, "front", table, "--objectives", "map,madds", "--reference", "0,1e8")
    expected = open_table(table).hypervolume(["map", "madds"], [0, 1e8])
    assert front["hypervolume"] == expected > 0
    code, message = failed(capsys, "front", table, "--objectives", "map,madds", "--reference", "x")
    assert (code, "numbers separated by commas" in message) == (2, True)


def test_a_front_without_a_corner_has_the_hypervolume_of_searches(table: Path, capsys) -> None:
    front = told(capsys, "front", table, "--objectives", "map,madds")
    objectives = [load_objective("map"), load_objective("madds")]
    values = np.array([[row["map"], row["madds"]] for row in front["front"]])
    space = load_space(open_table(table).spaces[0])
    worst = worst_corner(space, objectives)
    assert front["hypervolume"] == normalised_hypervolume(values, objectives, worst)
    assert 0 < front["hypervolume"] < 1


def test_neighbours_and_statistics(table: Path, capsys) -> None:
    [row] = told(capsys, "query", table, "--limit", 1)["rows"]
    near = told(capsys, "neighbours", table, row["arch_id"], "--distance", 2, "--columns", "map")
    assert near["n"] > 0
    assert {1, 2} >= {entry["distance"] for entry in near["rows"]}
    stats = told(capsys, "stats", table, "--column", "map")
    assert sum(c["n"] for c in stats["choices"] if c["gene"] == SPACE.gene_names[0]) == 200
    assert main(["table", "stats", str(table)]) == 0
    assert main(["table", "neighbours", str(table), row["arch_id"]]) == 0


def test_info_shows_the_card(table: Path, tmp_path: Path, capsys) -> None:
    single = tmp_path / "pico-v3.h5"
    write_table(single, open_table(table), {"title": "Some of pico", "licence": "Apache-2.0"})
    card = told(capsys, "info", single)
    assert card["card"]["licence"] == "Apache-2.0"
    assert len(card["sha256"]) == 64
    assert {c["name"]: c["direction"] for c in card["columns"]} == {
        "map": "max",
        "madds": "min",
        "params": "min",
    }
    assert main(["table", "info", str(single)]) == 0
    shown = capsys.readouterr().out
    assert "title: Some of pico" in shown
    assert "map: weights w" in shown
    assert main(["table", "export", str(single), "--out", str(tmp_path / "b.h5")]) == 0
    capsys.readouterr()
    assert told(capsys, "info", tmp_path / "b.h5")["card"] == card["card"]


def test_verify_reads_checksums(table: Path, tmp_path: Path, capsys) -> None:
    single = tmp_path / "pico-v3.h5"
    write_table(single, open_table(table))
    assert told(capsys, "verify", single)["problems"] == []
    sha256 = told(capsys, "info", single)["sha256"]
    (tmp_path / "SHA256SUMS").write_text(f"{sha256}  pico-v3.h5\n")
    assert told(capsys, "verify", single)["problems"] == []
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  pico-v3.h5\n")
    assert main(["table", "verify", str(single)]) == 3
    assert f"SHA-256 {sha256}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_export_and_import(table: Path, tmp_path: Path, name: str, capsys) -> None:
    file, back = tmp_path / name, tmp_path / "back"
    assert main(["table", "export", str(table), "--out", str(file)]) == 0
    assert main(["table", "import", str(back), str(file)]) == 0
    assert open_table(back).checksum() == open_table(table).checksum()


def test_merge_rules(table: Path, tmp_path: Path, capsys) -> None:
    other, rows = create_table(tmp_path / "other"), open_table(table).genotypes()[:1]
    provenance = {"source": "supernet", "weights": "w"}
    other.append(SPACE, rows, {"map": [0.9]}, provenance=provenance)
    target = tmp_path / "target"
    assert main(["table", "merge", str(target), str(table)]) == 0
    capsys.readouterr()
    code, message = failed(capsys, "merge", target, other.path)
    assert (code, "keep one with --conflict keep" in message) == (3, True)
    code, message = failed(capsys, "merge", target, other.path, "--conflict", "mine")
    assert (code, "known: keep, refuse, replace" in message) == (2, True)
    code, message = failed(capsys, "merge", target, other.path, "--label", "map")
    assert (code, "--label takes COLUMN=LABEL" in message) == (2, True)
    for options, column, value in (
        (["--label", "map=other"], "map@other", 0.9),
        (["--conflict", "replace"], "map", 0.9),
    ):
        assert main(["table", "merge", str(target), str(other.path), *options]) == 0
        assert open_table(target).lookup(rows, [column])[column] == [value]


def test_table_info_query_and_front(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info = told(capsys, "info", filled)
    assert info["rows"] == SPACE.size
    assert {"name", "unit", "source", "filled"} <= set(info["columns"][0])
    rows = told(capsys, "query", filled, "--where", "map > 0.2", "--columns", "map", "--limit", "3")
    assert len(rows["rows"]) == 3 < rows["n"]
    assert all(row["map"] > 0.2 for row in rows["rows"])
    front = told(capsys, "front", filled, "--objectives", "map,map50")["front"]
    assert len(front) == 1
    code, message = failed(capsys, "query", filled, "--where", "map >> 1")
    assert code == 2
    assert "condition 'map >> 1'" in message


def test_table_export_merge_and_compact(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = SPACE.size
    for name in ("all.csv", "all.jsonl", "all.h5"):
        assert main(["table", "export", str(filled), "--out", str(tmp_path / name)]) == 0
    with (tmp_path / "all.csv").open() as file:
        assert sum(1 for _ in csv.reader(file)) == rows + 1
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == rows
    merged = tmp_path / "merged"
    assert main(["table", "merge", str(merged), str(tmp_path / "all.h5"), str(filled)]) == 0
    assert main(["table", "compact", str(merged)]) == 0
    assert open_table(merged).checksum() == open_table(filled).checksum()
    capsys.readouterr()
    code, message = failed(capsys, "export", filled, "--out", tmp_path / "all.xls")
    assert code == 2
    assert "must end in .csv, .jsonl, .parquet or .h5" in message


def test_scores_are_not_verified_without_data(table: Path, tmp_path: Path, capsys) -> None:
    for further, expected, text in (
        ((), 2, "name a COCO-format folder with --data"),
        (("--data", tmp_path / "none"), 3, "none: no such folder"),
    ):
        code, message = failed(capsys, "verify", table, "--scores", 1, *further)
        assert (code, text in message) == (expected, True), message
    code, message = failed(capsys, "verify", table, "--data", tmp_path)
    assert (code, "for --scores N" in message) == (2, True)


def test_a_shipped_name_is_no_new_table(table: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    code, message = failed(capsys, "merge", "pico-v3", table)
    assert (code, "runs/pico-v3" in message) == (2, True)
    with pytest.raises(ConfigurationError, match="pico-v3: is a shipped table"):
        create_table("pico-v3")
    assert list(tmp_path.iterdir()) == []
    assert main(["table", "merge", "runs/pico-v3", str(table)]) == 0
    create_table(tmp_path / "pico-v3")  # somebody who means it
    assert main(["table", "merge", "pico-v3", str(table)]) == 0


def test_a_quantity_of_ones_own_has_a_front(tmp_path: Path, capsys) -> None:
    first, second = SPACE.arch_ids(SPACE.sample(2, 0))
    file, table = tmp_path / "own.csv", tmp_path / "own"
    file.write_text(f"arch_id,energy\n{first},2.5\n{second},1.5\n")
    # As the page on tables shows it.
    [card] = [b.code for b in blocks(ROOT / "docs/tables.md") if b.language == "json"]
    (tmp_path / "own.csv.card.json").write_text(card)
    assert main(["table", "import", str(table), str(file)]) == 0
    capsys.readouterr()
    front = told(capsys, "front", table, "--objectives", "energy,peak_memory")
    assert second in [row["arch_id"] for row in front["front"]]
    assert "hypervolume" not in front  # none is defined without a worst corner
    only = told(capsys, "front", table, "--objectives", "energy")["front"]
    assert [(row["arch_id"], row["energy"]) for row in only] == [(second, 1.5)]
    code, message = failed(capsys, "front", table, "--objectives", "energy,energy")
    assert (code, "each may stand once" in message) == (2, True)
