"""Files of older schemas, and tables to ship as `scripts/build/table.py` makes them."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from evonas.errors import SchemaError
from evonas.paths import shipped_data
from evonas.space import load_space
from evonas.table import create_table, open_table, verify_table, write_table

SPACE = load_space("pico")
ROOT = Path(__file__).resolve().parents[2]


def as_schema_1(path: Path) -> None:
    """Turns a file into what the first release wrote."""
    with h5py.File(path, "a") as file:  # HDF5 cuts off the seal
        file.attrs["schema"] = 1
        del file.attrs["card"]
        for group in file.values():
            del group.attrs["distinct"]
            for column in group["columns"].values():
                del column.attrs["unit"], column.attrs["direction"]


def schema_of(path: Path) -> int:
    with h5py.File(path) as file:
        return int(file.attrs["schema"])


@pytest.fixture
def old(tmp_path) -> Path:
    """A folder table of schema 1, of two parts that share rows."""
    table, rng = create_table(tmp_path / "old"), np.random.default_rng(0)
    rows = np.unique(SPACE.sample(99, rng), axis=0)[:20]
    for part in (rows[:12], rows[5:]):
        values = {"map": rng.uniform(0, 1, len(part))}
        table.append(SPACE, part, values, provenance={"source": "supernet"})
    for path in table.path.iterdir():
        as_schema_1(path)
    return table.path


def test_schema_1_is_read_appended_to_and_brought_up_to_date(old):
    table = open_table(old)
    before = table.checksum()
    assert len(table) == 20
    assert verify_table(table) == []
    table.append(SPACE, table.genotypes()[:1], {"map": [0.5]}, provenance={"source": "supernet"})
    assert open_table(old).lookup(table.genotypes()[:1], ["map"])["map"] == [0.5]
    table.compact()
    assert [schema_of(path) for path in old.iterdir()] == [2]
    assert open_table(old).checksum() == table.checksum() != before


def test_one_old_part_is_brought_up_to_date(old):
    first, second = sorted(old.iterdir())
    second.unlink()
    open_table(old).compact()
    [part] = old.iterdir()
    assert (schema_of(part), part.name) == (2, first.name)
    assert len(open_table(old)) == 12
    open_table(old).compact()
    assert list(old.iterdir()) == [part]


def test_a_part_without_its_end_is_refused(old, tmp_path):
    write_table(tmp_path / "a.h5", open_table(old))
    with h5py.File(tmp_path / "a.h5", "a"):  # cuts the seal off
        pass
    with pytest.raises(SchemaError, match="its end is missing"):
        open_table(tmp_path / "a.h5")


def test_a_reader_keeps_what_it_opened_while_others_compact(old):
    reader, writer = open_table(old), open_table(old)
    expected = reader.checksum()
    writer.append(
        SPACE,
        SPACE.sample(1, np.random.default_rng(7)),
        {"params": [1.0]},
        provenance={"source": "analytic"},
    )
    reader_of_parts = open_table(old)
    writer.compact()
    assert reader.checksum() == expected
    assert reader_of_parts.checksum() == writer.checksum()


def test_compacting_removes_what_killed_writers_left_long_ago(old):
    table = open_table(old)
    for name, age in ((".a.partial", 100_000), (".b.partial", 10)):
        (old / name).write_text("half a part")
        os.utime(old / name, (time.time() - age,) * 2)
    table.compact()
    assert [path.name for path in old.glob(".*")] == [".b.partial"]


def test_shipped_tables_are_sound():
    for path in sorted((shipped_data() / "tables").glob("*.h5")):
        assert verify_table(open_table(path)) == []


def test_a_table_to_ship_has_scores_truth_costs_latencies_card_and_checksum(tmp_path):
    rows = np.unique(SPACE.sample(99, np.random.default_rng(0)), axis=0)[:20]
    scores, truth = create_table(tmp_path / "scores"), create_table(tmp_path / "truth")
    scores.append(SPACE, rows, {"map": np.full(20, 0.3)}, provenance={"source": "supernet"})
    stale = {"source": "predicted", "predictor": "an older one"}
    scores.append(SPACE, rows, {"latency:edge-gpu": np.ones(20)}, provenance=stale)
    trained = {"trained_map": [0.4], "trained_seconds": [99.0]}
    truth.append(SPACE, rows[:1], trained, provenance={"source": "trained"})
    command = [sys.executable, "-m", "scripts.build.table", tmp_path / "pico-v1.h5"]
    command += [scores.path, truth.path, "--title", "Some of pico"]
    subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    built = open_table(tmp_path / "pico-v1.h5")
    assert {"title", "version", "licence", "command"} <= set(built.card)
    found = built.lookup(rows[:1], ["map", "trained_map", "trained_seconds", "madds"])
    assert [values[0] for values in found.values()] == [
        0.3, 0.4, 99.0, SPACE.costs(rows[:1])["madds"][0],
    ]  # fmt: skip
    assert built.provenance("latency:edge-gpu")["predictor"] != "an older one"
    assert verify_table(built) == []
    shutil.copy(tmp_path / "pico-v1.h5", tmp_path / "pico-v2.h5")
    [problem] = verify_table(open_table(tmp_path / "pico-v2.h5"))
    assert "SHA256SUMS does not name pico-v2.h5" in problem
