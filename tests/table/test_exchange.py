import json

import numpy as np
import pytest

from evonas.cli import main
from evonas.errors import ConfigurationError, DataError, EvonasError, SchemaError
from evonas.space import load_space
from evonas.table import (
    BenchmarkTable,
    append_pandas,
    create_table,
    export_rows,
    import_rows,
)

SPACE = load_space("nano")


@pytest.fixture
def table(tmp_path) -> BenchmarkTable:
    table = create_table(tmp_path / "table")
    rng = np.random.default_rng(0)
    rows = np.unique(SPACE.sample(200, rng), axis=0)[:100]
    scores = rng.uniform(0, 1, 100)
    scores[::9] = np.nan
    table.append(SPACE, rows, {"map": scores}, provenance={"source": "supernet", "weights": "a"})
    table.append(SPACE, rows, SPACE.costs(rows), provenance={"source": "analytic"})
    return table


def same(ours: BenchmarkTable, theirs: BenchmarkTable) -> bool:
    provenance = [{n: dict(t.provenance(n)) for n in t.columns()} for t in (ours, theirs)]
    return ours.checksum() == theirs.checksum() and provenance[0] == provenance[1]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_table_comes_back_bit_by_bit_with_its_provenance(table, tmp_path, name):
    assert export_rows(table, tmp_path / name) == 100
    back = create_table(tmp_path / "back")
    assert import_rows(back, tmp_path / name) == 100
    assert same(back, table)


def test_a_frame_comes_back(table, tmp_path):
    frame = table.to_pandas()
    back = create_table(tmp_path / "back")
    assert append_pandas(back, frame) == 100
    assert same(back, table)
    other = create_table(tmp_path / "other")
    append_pandas(other, frame[["map"]].reset_index(), {"source": "mine"})
    assert other.provenance("map") == {"source": "mine"}
    with pytest.raises(DataError, match="one number per row is expected"):
        append_pandas(other, frame.assign(map="high"), {"source": "mine"})


def test_some_rows_and_columns(table, tmp_path):
    rows = table.where("map > 0.5")
    assert export_rows(table, tmp_path / "a.csv", rows, ["map"]) == len(rows)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "arch_id,map"
    assert len(lines) == len(rows) + 1


def test_missing_values_are_empty_or_null(table, tmp_path):
    for name in ("a.csv", "a.jsonl"):
        export_rows(table, tmp_path / name, columns=["map"])
    assert (tmp_path / "a.csv").read_text().splitlines()[1].endswith(",")
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])["map"] is None


ARCH = SPACE.arch_ids(np.zeros((1, SPACE.n_genes), np.uint8))[0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "first line must name the columns"),
        ("a.csv", "id,map\nx,1\n", "first line must name the columns"),
        ("a.csv", "arch_id,map,map\n", "first line must name the columns"),
        ("a.csv", "arch_id,map\n", "no rows"),
        ("a.csv", f"arch_id,map\n{ARCH},high\n", "row 1: 'map' is 'high'"),
        ("a.csv", f"arch_id,map\n{ARCH}\n", "line 2: 1 fields, the first line has 2"),
        ("a.csv", "arch_id,map\nnano:zz,1\n", "after 'nano' and a colon"),
        ("a.csv", "arch_id,map\nfly:0,1\n", "unknown space 'fly'"),
        ("a.csv", f"arch_id,a/b\n{ARCH},1\n", "column name 'a/b'"),
        ("a.csv", "\0\x01\xff", "first line"),
        ("a.jsonl", "hello\n", "line 1: not valid JSON"),
        ("a.jsonl", '{"map": 1}\n', "line 1: an object with an 'arch_id'"),
        ("a.jsonl", f'{{"arch_id": "{ARCH}", "map": [1]}}\n', r"row 1: 'map' is \[1\]"),
        ("a.parquet", "hello", "not a table of architectures"),
        ("a.xls", "", r"must end in \.csv, \.jsonl, \.parquet or \.h5"),
    ],
)
def test_bad_files_are_explained(tmp_path, name, text, message):
    table = create_table(tmp_path / "table")
    (tmp_path / name).write_text(text)
    with pytest.raises(EvonasError, match=message):
        import_rows(table, tmp_path / name, {"source": "mine"})
    assert list(table.path.iterdir()) == []


def test_values_of_unknown_origin_are_refused(tmp_path):
    table = create_table(tmp_path / "table")
    (tmp_path / "a.csv").write_text(f"arch_id,map\n{ARCH},0.5\n")
    with pytest.raises(DataError, match="where the values of 'map' come from"):
        import_rows(table, tmp_path / "a.csv")
    import_rows(table, tmp_path / "a.csv", {"source": "mine"})
    assert table.lookup([ARCH], ["map"])["map"] == [0.5]
    with pytest.raises(DataError, match="cannot be read"):
        import_rows(table, tmp_path / "nowhere.csv", {"source": "mine"})


def test_rows_of_another_definition_are_refused(table, tmp_path):
    export_rows(table, tmp_path / "a.csv")
    card = json.loads((tmp_path / "a.csv.card.json").read_text())
    (tmp_path / "a.csv.card.json").write_text(json.dumps(card | {"fingerprint": "other"}))
    with pytest.raises(SchemaError, match="another definition of the space 'nano'"):
        import_rows(create_table(tmp_path / "back"), tmp_path / "a.csv")


def test_unknown_columns_are_not_exported(table, tmp_path):
    with pytest.raises(ConfigurationError, match="unknown column 'speed'"):
        export_rows(table, tmp_path / "a.csv", columns=["speed"])
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_what_never_ends_is_refused(tmp_path, name):
    table = create_table(tmp_path / "table")
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(DataError):
        import_rows(table, tmp_path / name, {"source": "mine"})


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.h5"])
def test_an_export_takes_the_place_of_an_export_but_of_no_other_file(table, tmp_path, name, capsys):
    path = tmp_path / name
    command = ["table", "export", str(table.path), "--out", str(path)]
    assert main(command) == main(command) == 0
    path.unlink()
    (tmp_path / f"{name}.card.json").unlink(missing_ok=True)
    path.write_text("mine\n")
    assert main(command) == 2
    assert "is there already and is no" in capsys.readouterr().err
    assert path.read_text() == "mine\n"
