"""What networks trained on two data sets say of each other."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from evonas.errors import DataError
from evonas.space import load_space
from evonas.table import create_table
from scripts.build.boards_transfer import app, compared
from scripts.build.truth import spread_sample

NANO = load_space("nano")
GENOTYPES = spread_sample(NANO, 30, seed=0)


def _table(path, ap, genotypes=GENOTYPES):
    create_table(path).append(
        NANO, genotypes, {"trained_map": ap}, provenance={"source": "trained", "seed": "0"}
    )
    return path


def test_the_same_order_agrees_whole_and_its_opposite_not_at_all(tmp_path):
    ap = np.random.default_rng(0).permutation(30) / 100
    one, squared = _table(tmp_path / "one", ap), _table(tmp_path / "squared", ap**2)
    found = compared(one, squared, NANO)
    assert found["networks"] == 30
    assert found["tau"]["value"] == found["tau_in_best_quarter_of_first"]["value"] == 1
    for front in found["fronts"].values():
        assert front["on_first"] == front["on_second"] == front["on_both"]
        assert front["hypervolume_share"] == pytest.approx(1)
    opposite = compared(one, _table(tmp_path / "opposite", 0.5 - ap), NANO)
    assert opposite["tau"]["value"] == -1
    assert min(front["hypervolume_share"] for front in opposite["fronts"].values()) < 0.9


def test_only_networks_of_both_tables_count(tmp_path):
    ap = np.linspace(0, 1, 30)
    one = _table(tmp_path / "one", ap)
    found = compared(one, _table(tmp_path / "ten", ap[20:], GENOTYPES[20:]), NANO)
    assert (found["networks"], found["tau"]["value"]) == (10, 1)
    with pytest.raises(DataError, match="2 networks are in both tables; at least 8 are required"):
        compared(one, _table(tmp_path / "two", ap[:2], GENOTYPES[:2]), NANO)


def test_the_truths_first_networks_are_chosen_and_compared_by_command(tmp_path):
    out = tmp_path / "runs" / "transfer.csv"
    assert CliRunner().invoke(app, ["choose", "--count", "30", "--out", str(out)]).exit_code == 0
    with open(out, newline="") as file:
        assert [row["arch_id"] for row in csv.DictReader(file)] == NANO.arch_ids(GENOTYPES)
    path = _table(tmp_path / "one", np.linspace(0, 1, 30))
    result = CliRunner().invoke(app, ["compare", str(path), str(path)])
    assert json.loads(result.stdout)["tau"]["value"] == 1
