import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.errors import ConfigurationError, DataError, EvonasError, GenotypeError, SchemaError
from evonas.objectives import load_objective, pareto_mask
from evonas.seal import add_seal
from evonas.space import load_space
from evonas.table import BenchmarkTable, create_table, open_table, verify_table, write_table
from evonas.table.part import in_memory, write_part

SPACE = load_space("nano")
SUPERNET = {"source": "supernet", "weights": "a"}
KNOWN = {"map": SUPERNET}


def genotypes(n: int, seed: int = 0) -> np.ndarray:
    drawn = SPACE.sample(2 * n, np.random.default_rng(seed))
    return np.unique(drawn, axis=0)[:n]


@pytest.fixture
def table(tmp_path) -> BenchmarkTable:
    table = create_table(tmp_path / "table")
    rows = genotypes(40)
    values = np.linspace(0.1, 0.5, 40)
    table.append(SPACE, rows, {"map": values}, provenance=SUPERNET)
    table.append(SPACE, rows[:30], SPACE.costs(rows[:30]), provenance={"source": "analytic"})
    return table


def test_what_was_appended_is_found_and_the_rest_is_nan(table):
    rows = genotypes(40)
    for opened in (table, open_table(table.path)):
        found = opened.known(rows, ["map", "madds", "nothing"])
        np.testing.assert_array_equal(found["map"], np.linspace(0.1, 0.5, 40))
        assert np.isnan(found["madds"]).tolist() == [False] * 30 + [True] * 10
        assert np.isnan(found["nothing"]).all()
        assert np.isnan(
            opened.lookup(SPACE.sample(5, np.random.default_rng(9)), ["map"])["map"]
        ).all()


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_any_sequence_of_appends_is_a_dictionary(tmp_path_factory, data):
    # The model: a dict by genotype and column in which later values win and NaN never does.
    table = create_table(tmp_path_factory.mktemp("model") / "table")
    pool, model = genotypes(8), {}
    for _ in range(data.draw(st.integers(1, 6))):
        chosen = data.draw(st.lists(st.integers(0, 7), min_size=1, max_size=6, unique=True))
        name = data.draw(st.sampled_from(["map", "energy"]))
        values = data.draw(
            st.lists(st.floats(0, 1) | st.just(np.nan), min_size=len(chosen), max_size=len(chosen))
        )
        table.append(SPACE, pool[chosen], {name: values}, provenance=SUPERNET)
        model |= {(i, name): v for i, v in zip(chosen, values, strict=True) if not np.isnan(v)}
        if data.draw(st.booleans()):
            table.compact()
    single = table.path / "single.h5"
    write_table(single, table)
    for opened in (table, open_table(table.path), open_table(single)):
        found = opened.known(pool, ["map", "energy"], SPACE)
        for name in ("map", "energy"):
            expected = [model.get((i, name), np.nan) for i in range(8)]
            np.testing.assert_array_equal(found[name], expected)


def test_rows_of_large_genotypes_are_found():
    # 30 genes do not fit 64 bits.
    space = load_space("mobiledet")
    rows = space.sample(5000, np.random.default_rng(0))
    from evonas.table.index import GenotypeIndex

    index = GenotypeIndex(np.concatenate([rows, rows[:100]]))
    assert len(index) == len(np.unique(rows, axis=0))
    assert (index.genotypes[index.find(rows)] == rows).all()
    assert (index.find(space.sample(2000, np.random.default_rng(1))) == -1).all()


def test_wider_integers_are_looked_up_by_value(table):
    genotypes = table.genotypes().astype(np.int64)
    assert table.find(genotypes).tolist() == list(range(len(genotypes)))
    assert table.find(genotypes[:1]).tolist() == [0]
    genotypes[0, 0] += 256
    with pytest.raises(GenotypeError, match="allowed are 0 to"):
        table.find(genotypes)


def test_front_and_where(table):
    values = np.stack([table.column("map"), table.column("params")], axis=1)
    chosen = [load_objective("map"), load_objective("params")]
    front = table.front(["map", "params"])
    assert sorted(front) == np.flatnonzero(pareto_mask(values, chosen)).tolist()
    assert (np.diff(table.column("map")[front]) <= 0).all()
    limited = table.front(["map", "params"], where="params <= 4e5 and map > 0.2")
    assert (table.column("params")[limited] <= 4e5).all()
    assert len(limited)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("map >", "a column or a number expected at 6, not 'the end'"),
        ("map > 1 )", "'and' or 'or' expected"),
        ("(map > 1", r"'\)' expected"),
        ("map", "a comparison"),
        ("1 < 2", "compares no column"),
        ("speed > 1", "unknown column 'speed'; known: flash, madds, map, params, peak_memory"),
        ("map > __import__('os')", "allowed"),
        ("(" * 500 + "map > 1" + ")" * 500, "more than 50"),
    ],
)
def test_bad_conditions_are_explained(table, expression, message):
    with pytest.raises(ConfigurationError, match=message):
        table.where(expression)


def test_conditions_mean_what_they_say(table):
    scores, costs = table.column("map"), table.column("params")
    rows = table.where("not (map < 0.3 or params > 3e5)")
    with np.errstate(invalid="ignore"):
        expected = np.flatnonzero(~((scores < 0.3) | (costs > 3e5)))
    assert rows.tolist() == expected.tolist()


def test_scores_of_another_supernet_are_refused(table):
    rows = genotypes(2, seed=5)
    with pytest.raises(SchemaError, match="column 'map' has weights 'a', the new values 'b'"):
        table.append(SPACE, rows, {"map": [0.1, 0.2]}, provenance=SUPERNET | {"weights": "b"})
    assert len(open_table(table.path)) == 40


def test_whether_scores_are_taken_can_be_asked_before_there_are_any(table):
    before = sorted(table.path.iterdir())
    none = genotypes(40)[:0]
    table.append(SPACE, none, {"map": []}, provenance=SUPERNET)
    with pytest.raises(SchemaError, match="column 'map' has weights 'a', the new values 'b'"):
        table.append(SPACE, none, {"map": []}, provenance=SUPERNET | {"weights": "b"})
    assert sorted(table.path.iterdir()) == before


def test_two_writers_see_each_other_after_refresh(table):
    other = open_table(table.path)
    table.append(SPACE, genotypes(3, seed=7), {"map": [0.1, 0.2, 0.3]}, provenance=SUPERNET)
    assert len(other) == 40
    other.refresh()
    assert len(other) == len(table)
    assert other.checksum() == table.checksum()


def test_compacting_keeps_everything_and_can_be_repeated(table):
    reader, before = open_table(table.path), table.checksum()
    table.compact()
    assert len(list(table.path.glob("*.h5"))) == 1
    reader.refresh()
    for opened in (table, reader, open_table(table.path)):
        assert opened.checksum() == before
    table.append(SPACE, genotypes(40)[:1], {"map": [0.9]}, provenance=SUPERNET)
    table.compact()
    assert open_table(table.path).lookup(genotypes(40)[:1], ["map"])["map"] == [0.9]


def test_verify_finds_wrong_costs_and_wrong_genotypes(tmp_path, table):
    assert verify_table(table) == []
    rows = genotypes(40)
    table.append(SPACE, rows[:1], {"madds": [5.0]}, provenance={"source": "analytic"})
    assert verify_table(table) == ["nano: 1 values of 'madds' are wrong, row 0 first"]
    bad = create_table(tmp_path / "bad")
    not_canonical = np.zeros((1, SPACE.n_genes), np.uint8)
    not_canonical[0, SPACE.gene_names.index("b2.l3.op")] = 1
    wrong = in_memory("nano", SPACE.fingerprint, not_canonical, {"map": np.array([1.5])}, KNOWN)
    write_part(bad.path / "part-1.h5", [wrong])
    bad.refresh()
    assert len(verify_table(bad)) == 2


def test_info_is_a_data_card(table):
    card = table.info()
    assert json.loads(json.dumps(card)) == card
    assert card["rows"] == 40
    assert {c["name"]: (c["unit"], c["source"], c["filled"]) for c in card["columns"]} == {
        "map": ("AP", "supernet", 40),
        "madds": ("MAdds", "analytic", 30),
        "params": ("parameters", "analytic", 30),
    }


def test_pandas(table):
    frame = table.to_pandas()
    assert frame.loc[SPACE.arch_ids(genotypes(40)[:1])[0], "map"] == pytest.approx(0.1)


# --- damage ---------------------------------------------------------------------------------


def reseal(path: Path) -> None:
    """Makes a file that HDF5 changed look whole, as someone with bad intent would."""
    with open(path, "r+b") as file:
        add_seal(file)


def single_file(table: BenchmarkTable) -> bytes:
    path = table.path.parent / "single.h5"
    write_table(path, table)
    return path.read_bytes()


def test_truncated_empty_and_foreign_files_are_refused(table, tmp_path):
    content = single_file(table)
    path = tmp_path / "broken.h5"
    for damaged in (b"", b"hello" * 100, content[: len(content) // 2], content[:-100]):
        path.write_bytes(damaged)
        with pytest.raises(SchemaError, match=r"broken\.h5: no readable benchmark table"):
            open_table(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(SchemaError, match="no evonas table"):
        open_table(path)


def test_a_newer_schema_is_refused(table, tmp_path):
    path = tmp_path / "newer.h5"
    path.write_bytes(single_file(table))
    with h5py.File(path, "a") as file:
        file.attrs["schema"] = 99
    with pytest.raises(SchemaError, match="schema 99 is newer than 2; upgrade evonas"):
        open_table(path)


def test_another_definition_of_the_space_is_refused(table, tmp_path):
    content = single_file(table)
    foreign = table.path / "part-99999999999999999999-1-00000000.h5"
    foreign.write_bytes(content)
    with h5py.File(foreign, "a") as file:
        file["nano"].attrs["fingerprint"] = "other"
    reseal(foreign)
    with pytest.raises(SchemaError, match="another definition of the space 'nano'"):
        open_table(table.path)


def test_every_flipped_bit_is_refused(table, tmp_path):
    content = single_file(table)
    rng, path = np.random.default_rng(0), tmp_path / "flipped.h5"
    for _ in range(60):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(SchemaError, match="no readable benchmark table"):
            open_table(path)


def test_flipped_bits_of_a_table_without_a_seal_never_change_a_value_unnoticed(table, tmp_path):
    content, expected = single_file(table), table.lookup(genotypes(40), ["map", "params"])
    rng, path = np.random.default_rng(0), tmp_path / "flipped.h5"
    refused = 0
    for _ in range(60):
        path.write_bytes(content)
        with h5py.File(path, "a") as file:
            file.attrs["schema"] = 1  # which had no seals; HDF5 cuts it off
        damaged = bytearray(path.read_bytes())
        damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            found = open_table(path).lookup(genotypes(40), ["map", "params"], "nano")
        except EvonasError:
            refused += 1
            continue
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values)
    assert refused > 10


def _links(file: h5py.File) -> None:
    del file["nano/columns/map"]
    file["nano/columns/map"] = h5py.ExternalLink("/etc/passwd", "/x")


def _huge(file: h5py.File) -> None:
    del file["nano/genotypes"]
    file.create_dataset("nano/genotypes", (10**12, 15), "u1", chunks=(10**6, 15))


def _text(file: h5py.File) -> None:
    del file["nano/columns/map"]
    file["nano/columns/map"] = ["a"] * 40


def _shorter(file: h5py.File) -> None:
    del file["nano/columns/map"]
    file["nano/columns/map"] = np.zeros(3)


@pytest.mark.parametrize("harm", [_links, _huge, _text, _shorter])
def test_hostile_contents_are_refused(table, tmp_path, harm):
    path = tmp_path / "hostile.h5"
    path.write_bytes(single_file(table))
    with h5py.File(path, "a") as file:
        harm(file)
    reseal(path)
    with pytest.raises(SchemaError, match="no readable benchmark table"):
        open_table(path).lookup(genotypes(40), ["map"])


def test_what_is_no_table_is_told_so(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SchemaError, match=r"notes\.txt: no readable .* \(no HDF5 file\)"):
        open_table(tmp_path / "notes.txt")
    with pytest.raises(SchemaError, match=r"^/dev/zero: no table; a folder of parts"):
        open_table("/dev/zero")


def test_a_single_file_is_not_appended_to(table, tmp_path):
    path = tmp_path / "single.h5"
    path.write_bytes(single_file(table))
    with pytest.raises(DataError, match="merge it into a folder first"):
        open_table(path).append(SPACE, genotypes(1), {"map": [0.1]}, provenance=SUPERNET)


# --- failing disks and killed writers ---------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], check=False
    )
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)  # a table holds its folder open


def test_a_full_disk_loses_nothing_acknowledged(small_disk):
    table, acknowledged = create_table(small_disk / "table"), 0

    def fill() -> None:
        nonlocal acknowledged
        for seed in range(1000):
            rows = SPACE.sample(50, np.random.default_rng(seed))
            table.append(SPACE, rows, {"map": np.zeros(50)}, provenance=SUPERNET)
            acknowledged = len(table)

    with pytest.raises(DataError, match="No space left on device"):
        fill()
    assert len(open_table(table.path)) == acknowledged > 0
    assert verify_table(open_table(table.path)) == []


_WRITER = """
import sys, numpy as np
from evonas.space import load_space
from evonas.table import open_table
space, table = load_space("nano"), open_table(sys.argv[1])
rng = np.random.default_rng(int(sys.argv[2]))
while True:
    rows = space.sample(5, rng)
    table.append(space, rows, {"map": np.full(5, 0.5)}, provenance={"source": "supernet"})
    print("".join(space.arch_ids(rows)), flush=True)
"""


@pytest.mark.slow
def test_killed_writers_lose_nothing_acknowledged(tmp_path):
    path, acknowledged = tmp_path / "table", []
    create_table(path)
    rng = np.random.default_rng(0)
    for round_number in range(6):
        command = [sys.executable, "-c", _WRITER, str(path)]
        writers = [
            subprocess.Popen([*command, str(10 * round_number + i)], stdout=subprocess.PIPE)
            for i in range(2)
        ]
        for writer in writers:
            writer.stdout.readline()  # it is at work
        time.sleep(rng.uniform(0, 0.1))
        open_table(path).compact()
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            output = writer.communicate()[0].decode().splitlines()
            acknowledged += [line for line in output if line.count("nano:") == 5]
        table = open_table(path)
        ids = ["nano:" + part for line in acknowledged for part in line.split("nano:")[1:]]
        assert (table.lookup(SPACE.genotypes(ids), ["map"])["map"] == 0.5).all()
        assert verify_table(table) == []
