"""What columns may hold is asked by every door, from Python and from the command line."""

import json

import numpy as np
import pytest

from evonas.cli import main
from evonas.errors import ConfigurationError, DataError, GenotypeError, SchemaError
from evonas.space import load_space
from evonas.table import (
    create_table,
    import_rows,
    merge_tables,
    open_or_create,
    open_table,
    verify_table,
)
from evonas.table.part import in_memory, write_part

SPACE = load_space("pico")
ROWS = SPACE.canonical(np.array([[0] * SPACE.n_genes, [1] + [0] * (SPACE.n_genes - 1)]))
ONE, TWO = SPACE.arch_ids(ROWS)
SOURCE = {"source": "supernet"}
NEVER = [
    ("map", 62.5, "AP is a fraction, 0 to 1"),
    ("map50@street", -0.5, "AP is a fraction"),
    ("trained_map:2#400", 1.0001, "AP is a fraction"),
    ("trained_map_small", 3, "AP is a fraction"),
    ("latency:my-phone", 0, "above 0"),
    ("measured:my-phone", -1, "above 0"),
    ("params", 0, "above 0"),
    ("peak_memory", np.inf, "above 0"),
    ("trained_seconds", -2, "above 0"),
    ("energy", np.inf, "a finite number"),
]


@pytest.mark.parametrize(("name", "value", "message"), NEVER)
def test_a_value_that_cannot_be_is_refused_at_every_door(tmp_path, name, value, message):
    table = create_table(tmp_path / "table")
    table.append(SPACE, ROWS, {name: [0.5, np.nan]}, provenance=SOURCE)
    with pytest.raises(DataError, match=message):
        table.append(SPACE, ROWS, {name: [0.4, value]}, provenance=SOURCE)
    (tmp_path / "a.csv").write_text(f"arch_id,{name}\n{TWO},{value}\n")
    with pytest.raises(DataError, match=rf"a\.csv: '{name}' of {TWO} is .*{message}"):
        import_rows(table, tmp_path / "a.csv", SOURCE)
    other = tmp_path / "other"
    columns = {name: np.array([0.5, value], np.float64)}
    rows = in_memory("pico", SPACE.fingerprint, ROWS, columns, {name: SOURCE})
    write_part(other / "part-1.h5", [rows])
    with pytest.raises(DataError, match=message):
        merge_tables(table, [open_table(other)])
    [problem] = verify_table(open_table(other))
    assert f"values of {name!r} are wrong" in problem
    assert len(list(table.path.iterdir())) == 1


@pytest.mark.parametrize(
    ("provenance", "message"),
    [
        ({"direction": "lower"}, "direction 'lower'; allowed are min and max"),
        ({"direction": "min"}, "its name means 'max'"),
        ({"unit": "%"}, "unit '%'; its name means 'AP'"),
    ],
)
def test_a_direction_or_unit_that_does_not_fit_the_name_is_refused(tmp_path, provenance, message):
    with pytest.raises(DataError, match=message):
        create_table(tmp_path / "t").append(
            SPACE, ROWS, {"map": [0.1, 0.2]}, provenance=SOURCE | provenance
        )


def test_a_unit_and_direction_may_come_later_but_not_change(tmp_path):
    table = create_table(tmp_path / "t")
    table.append(SPACE, ROWS[:1], {"energy": [3.0]}, provenance=SOURCE)
    table.append(
        SPACE, ROWS[1:], {"energy": [2.0]}, provenance=SOURCE | {"unit": "mJ", "direction": "max"}
    )
    table.append(SPACE, ROWS[:1], {"energy": [4.0]}, provenance=SOURCE)
    for opened in (table, open_table(table.path)):
        objective = opened.objective("energy")
        assert (objective.unit, objective.maximise) == ("mJ", True)
        assert opened.column("energy")[opened.top("energy", 1)] == [4.0]
    with pytest.raises(SchemaError, match="direction 'max', the new values 'min'"):
        table.append(SPACE, ROWS, {"energy": [1.0, 2.0]}, provenance=SOURCE | {"direction": "min"})


@pytest.mark.parametrize("text", ["1_0", "٣", "true", "0x1", "nine", "1,5"])
def test_only_ascii_numbers_are_read(tmp_path, text):
    (tmp_path / "a.csv").write_text(f'arch_id,map\n{ONE},"{text}"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"row 1: 'map' is .* expected a number or nothing"):
        import_rows(open_or_create(tmp_path / "t"), tmp_path / "a.csv", SOURCE)
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("value", ["true", '"half"', "[1]", "{}"])
def test_only_numbers_of_json_are_read(tmp_path, value):
    (tmp_path / "a.jsonl").write_text(f'{{"arch_id": "{ONE}", "map": {value}}}\n')
    with pytest.raises(DataError, match="expected a number or nothing"):
        import_rows(open_or_create(tmp_path / "t"), tmp_path / "a.jsonl", SOURCE)


def test_deep_lines_and_numbers_of_hundreds_of_digits_are_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    for value, message in (("[" * 100_000, "not valid JSON"), ("9" * 400, "beyond 64 bits")):
        path.write_text(f'{{"arch_id": "{ONE}", "map": {value}}}\n')
        with pytest.raises(DataError, match=message):
            import_rows(open_or_create(tmp_path / "t"), path, SOURCE)


def test_byte_order_marks_and_blank_lines_do_no_harm(tmp_path):
    path, table = tmp_path / "a.csv", open_or_create(tmp_path / "t")
    path.write_text(f"arch_id,map\n{ONE},0.25\n\n", encoding="utf-8-sig")
    assert import_rows(table, path, SOURCE) == 1
    assert table.lookup([ONE], ["map"])["map"] == [0.25]


def test_one_network_twice_is_refused_unless_equal_or_by_a_rule(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"arch_id,map,energy\n{ONE},0.25,\n{TWO},0.5,\n{ONE},0.25,3\n")
    table = open_or_create(tmp_path / "t")
    assert import_rows(table, path, SOURCE) == 3  # they add to each other
    assert table.lookup([ONE], ["map", "energy"]) == {"map": [0.25], "energy": [3.0]}
    path.write_text(f"arch_id,map\n{ONE},0.25\n{ONE},0.5\n")
    with pytest.raises(DataError, match=f"{ONE} stands more than once, with 'map' 0.25 and 0.5"):
        import_rows(table, path, SOURCE)
    path.write_text(f"arch_id,map\n{ONE},0.6\n")
    with pytest.raises(DataError, match=f"{ONE} first: 0.6 there, 0.25 here"):
        import_rows(table, path, SOURCE)
    path.write_text(f"arch_id,map\n{ONE},0.25\n{ONE},0.6\n")
    with pytest.raises(DataError, match=r"with 'map' 0\.25 and 0\.6;"):
        import_rows(table, path, SOURCE)
    path.write_text(f"arch_id,map\n{ONE},0.25\n{ONE},0.5\n")
    for rule, kept in (("keep", 0.25), ("replace", 0.5)):
        new = open_or_create(tmp_path / rule)
        import_rows(new, path, SOURCE, rule)
        assert new.lookup([ONE], ["map"])["map"] == [kept]
    with pytest.raises(DataError, match="stands more than once"):
        table.append(SPACE, ROWS[[0, 0]], {"map": [0.1, 0.2]}, provenance=SOURCE)


def test_an_import_over_other_values_needs_a_rule(tmp_path, capsys):
    table = create_table(tmp_path / "t")
    table.append(SPACE, ROWS, {"map": [0.1, 0.2]}, provenance=SOURCE)
    (tmp_path / "a.csv").write_text(f"arch_id,map\n{ONE},0.9\n")
    command = ["table", "import", str(table.path), str(tmp_path / "a.csv"), "--source", "supernet"]
    assert main(command) == 3
    assert "1 values of 'map' differ" in capsys.readouterr().err
    assert main([*command, "--conflict", "replace"]) == 0
    assert open_table(table.path).lookup([ONE], ["map"])["map"] == [0.9]


def test_a_failed_import_leaves_no_table_and_json_is_json(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(f"arch_id,energy\n{ONE},inf\n")
    command = ["table", "import", str(tmp_path / "t"), str(tmp_path / "a.csv"), "--source", "own"]
    assert main(command) == 3
    assert not (tmp_path / "t").exists()
    rows = in_memory(
        "pico", SPACE.fingerprint, ROWS, {"energy": np.array([np.inf, 1])}, {"energy": SOURCE}
    )
    write_part(tmp_path / "old" / "part-1.h5", [rows])  # as it was taken before
    capsys.readouterr()
    assert main(["table", "query", str(tmp_path / "old"), "--json"]) == 0

    def refuse(word: str) -> None:
        raise AssertionError(word)

    told = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert told["rows"][0]["energy"] is None


@pytest.mark.parametrize("given", ["abc", [["a"]], [None], [0.1, "b"], [[0.1, 0.2]], [True], [1j]])
def test_what_are_no_numbers_is_one_message(tmp_path, given):
    with pytest.raises(DataError, match=r"column 'map'.*one number per row is expected"):
        create_table(tmp_path / "t").append(SPACE, ROWS[:1], {"map": given}, provenance=SOURCE)


def test_questions_that_mean_nothing_are_refused(tmp_path):
    table = create_table(tmp_path / "t")
    table.append(SPACE, ROWS, {"map": [0.1, 0.2]}, provenance=SOURCE)
    with pytest.raises(ConfigurationError, match="unknown column 'speed'; known: flash, map"):
        table.lookup(ROWS, ["speed"])
    with pytest.raises(ConfigurationError, match="columns 'map': a list of names"):
        table.lookup(ROWS, "map")
    for k in (0, -1, 1.5, "3", True):
        with pytest.raises(ConfigurationError, match="whole number of at least 1"):
            table.top("map", k)
    assert len(table.top("map", 1)) == 1
    assert np.isnan(table.known(ROWS, ["speed"])["speed"]).all()


def test_arguments_of_wrong_kinds_are_one_message(tmp_path):
    table = open_table("pico-v3")
    for wrong in ([[1], [1, 2]], [[2**70] * 7], [None], 3, [b"pico:0000000"], "pico:0000000"):
        with pytest.raises(GenotypeError):
            table.lookup(wrong, ["map"])
    for columns in (None, [["map"]], "map", [None], 3):
        with pytest.raises(ConfigurationError):
            table.lookup(ROWS, columns)
        with pytest.raises(ConfigurationError):
            table.batches(columns)
        with pytest.raises(ConfigurationError):
            table.front(columns)
    for objectives, reference in ([[], []], [["map"], 3], [["map"], ["0"]], [["map"], None]):
        with pytest.raises(ConfigurationError):
            table.hypervolume(objectives, reference)
    for condition in (3, b"map > 0"):
        with pytest.raises(ConfigurationError, match="a text is expected"):
            table.where(condition)
    for n in (-1, 1.5, True, None, 2**70):
        with pytest.raises(ConfigurationError, match="whole number"):
            SPACE.sample(n, np.random.default_rng(0))
    new = open_or_create(tmp_path / "t")
    for space, provenance in (("pico", SOURCE), (SPACE, None)):
        with pytest.raises(ConfigurationError):
            new.append(space, ROWS, {"map": [0.1, 0.2]}, provenance=provenance)
    assert not (tmp_path / "t").exists()


def test_genotypes_as_lists_are_found_as_matrices_are():
    table = open_table("pico-v3")
    found = table.lookup(ROWS.tolist(), ["map"])["map"]
    assert found.tolist() == table.lookup(ROWS, ["map"])["map"].tolist()
    assert np.isfinite(found).all()


def test_a_masked_value_is_missing(tmp_path):
    table = open_or_create(tmp_path / "t")
    table.append(SPACE, ROWS, {"map": np.ma.array([0.1, 0.2], mask=[1, 0])}, provenance=SOURCE)
    assert np.isnan(table.column("map")).tolist() == [True, False]


def test_a_folder_with_other_files_is_no_table(tmp_path, capsys):
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / ".hidden").touch()
    (folder / "withdrawn").mkdir()
    assert len(open_table(folder)) == len(open_or_create(folder)) == 0
    assert main(["table", "info", str(folder)]) == 0
    assert "column" not in capsys.readouterr().out
    (folder / "images").mkdir()
    message = "it holds 'images' and no part"
    for opened in (open_table, open_or_create):
        with pytest.raises(SchemaError, match=message):
            opened(folder)
    (tmp_path / "a.csv").write_text(f"arch_id,map\n{TWO},0.5\n")
    for command in (["info", str(folder)], ["import", str(folder), str(tmp_path / "a.csv")]):
        assert main(["table", *command]) == 3
        assert message in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == [".hidden", "images", "withdrawn"]
