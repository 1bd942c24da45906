import json

import numpy as np
import pytest

from evonas.cli import main
from evonas.data import make_digits
from evonas.figures.ranking import rank_data, rank_figure
from evonas.ranking import Truth
from evonas.space import load_space
from evonas.supernet import save_supernet
from evonas.supernet.train import new_supernet
from evonas.table import create_table, open_table

PICO, NANO = load_space("pico"), load_space("nano")
N = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Digits, an untrained supernet of `nano`, and a truth of `pico`, which it contains."""
    folder = tmp_path_factory.mktemp("rank")
    make_digits(folder / "digits", train=8, val=6)
    card = {"space": "nano", "fingerprint": NANO.fingerprint, "classes": list("0123456789")}
    save_supernet(folder / "nano.safetensors", new_supernet("nano", 10, 0).state_dict(), card)
    rows = np.unique(PICO.sample(40, np.random.default_rng(0)), axis=0)[:N]
    ap = 0.1 + PICO.costs(rows)["madds"] / 1e9
    table = create_table(folder / "truth")
    table.append(PICO, rows, {"trained_map": ap}, provenance={"source": "trained"})
    table.append(PICO, rows[:3], {"trained_map:1": ap[:3] + 1e-3}, provenance={"source": "trained"})
    return folder


def rank(folder, *more):
    given = {"truth": "truth", "data": "digits", "weights": "nano.safetensors"}
    options = [text for name, path in given.items() for text in (f"--{name}", str(folder / path))]
    return main(["supernet", "rank", *options, "--space", "pico", *more])


def test_rank_reports_supernet_costs_and_proxies(folder, capsys):
    scores, picture = folder / "scores", folder / "rank.html"
    assert rank(folder, "--json", "--scores", str(scores), "--picture", str(picture)) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"n", "tau", "tau_low", "tau_high", "tau_madds", "tau_params", "ceiling"} <= set(found)
    assert found["ceiling"] is None or isinstance(found["ceiling"], float)
    assert found["n"] == N
    assert found["tau_madds"] == 1
    assert found["predictors"]["madds"]["regret_5"]["value"] == 0
    assert set(found["predictors"]) == {"supernet", "madds", "params", "synflow", "naswot"}
    assert set(found["genes"]) == set(PICO.gene_names)
    assert found["discrimination"]["n_repeated"] == 3
    assert "plotly" in picture.read_text()
    assert len(open_table(scores)) == N
    assert rank(folder, "--scores", str(scores)) == 0
    text = capsys.readouterr().out
    assert f"{N} trained architectures of pico" in text
    assert "noise ceiling" in text


def test_two_supernets_are_held_against_each_other(folder, capsys):
    card = {"space": "nano", "fingerprint": NANO.fingerprint, "classes": list("0123456789")}
    other = folder / "other.safetensors"
    save_supernet(other, new_supernet("nano", 10, 1).state_dict(), card)
    assert rank(folder, "--other", str(other), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {"other supernet", "mean of both"} < set(found["predictors"])
    assert "tau_between_supernets" in found
    assert rank(folder, "--weights", str(other), "--json") == 0
    alone = json.loads(capsys.readouterr().out)["predictors"]["supernet"]
    assert found["predictors"]["other supernet"] == alone
    assert rank(folder, "--other", str(folder / "nano.safetensors"), "--json") == 0
    same = json.loads(capsys.readouterr().out)["predictors"]
    assert same["mean of both"]["tau"] == same["supernet"]["tau"]


def test_rank_of_a_space_without_truth_names_what_there_is(folder, capsys):
    assert rank(folder, "--space", "nano") == 2
    assert "'nano'; known: pico" in capsys.readouterr().err


def test_a_picture_of_another_kind_is_refused(folder, capsys):
    assert rank(folder, "--picture", "rank.txt") == 2
    assert "--picture rank.txt: the name must end in .html" in capsys.readouterr().err


def test_figure_has_a_series_for_each_op_mix():
    pytest.importorskip("plotly")
    rows = NANO.sample(30, np.random.default_rng(0))
    truth = Truth(NANO, rows, np.random.default_rng(1).random((30, 2)))
    series = rank_data(truth, truth.ap / 2)
    assert sum(len(part.text) for part in series) == 30
    assert len(series) > 2
    for part in series:
        np.testing.assert_allclose(part.trained, 2 * part.scores)
    figure = rank_figure(series, "a title")
    assert [len(trace.x) for trace in figure.data] == [len(part.text) for part in series]


@pytest.mark.parametrize(
    ("name", "message"),
    [("mine.npz", "is there already and is no surrogate of pico"), ("mine.txt", "ends in .npz")],
)
def test_a_fit_writes_over_no_file_of_another_kind(folder, tmp_path, capsys, name, message):
    path = tmp_path / name
    path.write_text("mine")
    command = ["supernet", "fit", "--truth", str(folder / "truth"), "--space", "pico"]
    assert main([*command, "--out", str(path)]) == 2
    assert message in capsys.readouterr().err
    assert path.read_text() == "mine"
