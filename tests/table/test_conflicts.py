"""Others change a table meanwhile: what contradicts is refused, nothing is lost, it opens."""

import multiprocessing
import shutil
import time

import h5py
import numpy as np
import pytest

from evonas.cli import main
from evonas.errors import ConfigurationError, SchemaError
from evonas.scoring import StoredOnly
from evonas.seal import add_seal
from evonas.search import run_search
from evonas.space import load_space
from evonas.table import create_table, open_or_create, open_table, repair_table, write_table
from evonas.table.part import in_memory, write_part

SPACE = load_space("pico")
ROWS = np.unique(SPACE.sample(30, np.random.default_rng(0)), axis=0)[:4]
A, B = ({"source": "supernet", "weights": weights} for weights in "ab")


def part_of(path, provenance, name="map", value=0.5):
    values = {name: np.full(len(ROWS), value)}
    write_part(path, [in_memory("pico", SPACE.fingerprint, ROWS, values, {name: provenance})])


def test_of_two_open_handles_the_second_provenance_is_refused(tmp_path):
    a, b = open_or_create(tmp_path / "t"), open_or_create(tmp_path / "t")
    a.append(SPACE, ROWS[:2], {"map": [0.1, 0.2]}, provenance=A)
    with pytest.raises(SchemaError, match="column 'map' has weights 'a', the new values 'b'"):
        b.append(SPACE, ROWS[:2], {"map": [0.3, 0.4]}, provenance=B)
    assert open_table(tmp_path / "t").column("map").tolist() == [0.1, 0.2]
    assert len(list((tmp_path / "t").iterdir())) == 1


def _write(path, provenance, barrier, answers):
    table = open_or_create(path)
    barrier.wait()
    try:
        table.append(SPACE, ROWS, {"map": np.full(len(ROWS), 0.5)}, provenance=provenance)
        answers.put(provenance["weights"])
    except SchemaError:
        answers.put("refused")


@pytest.mark.cluster
def test_of_two_processes_on_a_new_table_one_is_refused(tmp_path):
    context = multiprocessing.get_context("fork")
    for race in range(10):
        path, barrier, answers = tmp_path / f"t{race}", context.Barrier(2), context.Queue()
        writers = [
            context.Process(target=_write, args=(path, provenance, barrier, answers))
            for provenance in (A, B)
        ]
        for writer in writers:
            writer.start()
        told = sorted(answers.get(timeout=30) for _ in writers)
        for writer in writers:
            writer.join()
        assert told in (["a", "refused"], ["b", "refused"])
        assert open_table(path).provenance("map")["weights"] == told[0]


@pytest.mark.parametrize("again", [True, False])
def test_a_folder_that_was_replaced_or_removed_is_noticed(tmp_path, again):
    table = create_table(tmp_path / "t")
    table.append(SPACE, ROWS[:1], {"map": [0.1]}, provenance=A)
    shutil.rmtree(table.path)
    if again:
        create_table(tmp_path / "t")
    with pytest.raises(SchemaError, match="removed or replaced while it was open"):
        table.append(SPACE, ROWS[1:2], {"map": [0.2]}, provenance=A)
    assert not again or not list(table.path.iterdir())


def test_the_clock_changes_no_order_and_no_name(tmp_path, monkeypatch):
    table = create_table(tmp_path / "t")
    for number, now in enumerate((5_000, 1_000, 3_000)):
        monkeypatch.setattr(time, "time_ns", lambda now=now: now * 10**9)
        table.append(SPACE, ROWS[:1], {"map": [number / 10]}, provenance=A)
    assert open_table(table.path).column("map").tolist() == [0.2]
    lengths = set()
    for number in range(5):
        open_table(table.path).compact()
        [part] = table.path.iterdir()
        lengths.add(len(part.name))
        table.append(SPACE, ROWS[1:2], {"map": [number / 10]}, provenance=A)
        assert open_table(table.path).lookup(ROWS[1:2], ["map"])["map"] == [number / 10]
    assert len(lengths) == 1


def test_what_a_writer_adds_while_others_compact_stays_the_latest(tmp_path):
    table = create_table(tmp_path / "t")
    for value in (0.1, 0.2):
        table.append(SPACE, ROWS[:1], {"map": [value]}, provenance=A)
    compactor = open_table(table.path)
    refresh = compactor.refresh

    def refresh_then_others_write():
        refresh()
        compactor.refresh = refresh
        open_table(table.path).append(SPACE, ROWS[:1], {"map": [0.3]}, provenance=A)

    compactor.refresh = refresh_then_others_write
    compactor.compact()
    assert len(list(table.path.iterdir())) == 2
    assert open_table(table.path).column("map").tolist() == [0.3]


def test_repair_moves_aside_what_contradicts_or_is_damaged(tmp_path, capsys):
    path = tmp_path / "t"
    part_of(path / "part-00000000000000000001-1-a.h5", A)
    part_of(path / "part-00000000000000000002-1-b.h5", B, value=0.9)
    part_of(path / "part-00000000000000000003-1-c.h5", A, "map50", 0.7)
    damaged = path / "part-00000000000000000004-1-d.h5"
    part_of(damaged, A)
    content = bytearray(damaged.read_bytes())
    content[100] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(SchemaError, match="evonas table repair"):
        open_table(path)
    assert main(["table", "repair", str(path)]) == 0
    assert "2 parts were at fault" in capsys.readouterr().out
    opened = open_table(path)
    assert (opened.column("map") == 0.5).all()
    assert (opened.column("map50") == 0.7).all()
    reasons = (path / "withdrawn" / "reasons.txt").read_text().splitlines()
    assert "weights 'a', the new values 'b'" in reasons[0]
    assert "not what was written" in reasons[1]
    assert len(list((path / "withdrawn").glob("part-*.h5"))) == 2
    assert repair_table(path) == {}


def test_repair_leaves_what_a_newer_evonas_wrote_and_single_files(tmp_path):
    path = tmp_path / "t"
    part_of(path / "part-1.h5", A)
    single = tmp_path / "single.h5"
    write_table(single, open_table(path))
    with pytest.raises(ConfigurationError, match="single file"):
        repair_table(single)
    with pytest.raises(ConfigurationError, match="nano-v5: a shipped table is only read"):
        repair_table("nano-v5")
    with h5py.File(path / "part-1.h5", "a") as file:
        file.attrs["schema"] = 99
    with open(path / "part-1.h5", "r+b") as file:
        add_seal(file)
    with pytest.raises(SchemaError, match="newer"):
        repair_table(path)


class Scorer:
    columns = ("map",)
    provenance = B

    def __call__(self, genotypes):
        return {"map": np.full(len(genotypes), 0.5)}


def test_run_search_takes_no_scores_of_other_weights_even_where_all_are_cached(tmp_path):
    table = create_table(tmp_path / "t")
    rows = np.unique(SPACE.sample(500, np.random.default_rng(0)), axis=0)
    table.append(SPACE, rows, {"map": np.full(len(rows), 0.5)}, provenance=A)
    with pytest.raises(SchemaError, match="column 'map' has weights 'a', the new values 'b'"):
        run_search("pico", ["map", "madds"], scorer=Scorer(), table=table, generations=1)
    assert StoredOnly(SPACE, ("map",)).provenance == {}


def hostile(tmp_path, harm):
    path = tmp_path / "t.h5"
    part_of(path, A)
    with h5py.File(path, "a") as file:
        harm(file)
    with open(path, "r+b") as file:
        add_seal(file)
    return path


def _hard_links(file):
    for number in range(1000):
        file[f"pico/columns/c{number}"] = file["pico/columns/map"]


def _renamed(name):
    return lambda file: file["pico/columns"].move("map", name)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_hard_links, "stands under another name too"),
        (_renamed("=HYPERLINK(1)"), "column name '=HYPERLINK"),
        (_renamed("map\x1b[2J"), "column name"),
        (_renamed("m" * 101), "column name"),
        (lambda file: file.move("pico", "pi\x1bco"), "is no name of a space"),
    ],
)
def test_names_and_links_of_hostile_files_are_refused(tmp_path, harm, message, capsys):
    path = hostile(tmp_path, harm)
    with pytest.raises(SchemaError, match=message):
        open_table(path)
    assert main(["table", "info", str(path)]) == 3
    assert "\x1b" not in capsys.readouterr().err


def test_escape_codes_of_a_card_do_not_reach_the_terminal(tmp_path, capsys):
    part_of(tmp_path / "t.h5", A | {"note": "\x1b[2Jgone"})
    assert main(["table", "info", str(tmp_path / "t.h5")]) == 0
    out = capsys.readouterr().out
    assert "gone" in out
    assert "\x1b" not in out
