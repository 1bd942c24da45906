import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.explore.controls import budget_scale
from app.shared.shortlist import MOST
from evonas.latency import load_predictor
from tests.app.conftest import SCORES, SPACE, add_own_device, metrics, the_button


def points(*customdata: object) -> dict[str, object]:
    return {"selection": {"points": [{"customdata": given} for given in customdata]}}


def test_explore_shows_the_front_and_a_budget_derives_it_anew(open_app):
    at = open_app()
    assert not at.exception
    assert metrics(at)["within budget"] == "60 of 60"
    at = at.slider(key="budget:map").set_value(0.4).run()
    within = int(metrics(at)["within budget"].split()[0])
    assert within == int((np.linspace(0.1, 0.5, 60) >= 0.4).sum())
    assert 0 < int(metrics(at)["on the front"]) <= within
    assert not at.exception


def test_slider_and_number_of_a_budget_are_one(open_app):
    at = open_app()
    at = at.slider(key="budget:map").set_value(0.4).run()
    assert at.number_input(key="number map").value == 0.4
    at = at.number_input(key="number map").set_value(0.3).run()
    assert at.slider(key="budget:map").value == 0.3
    at = the_button(at, "Lift all budgets").click().run()
    assert metrics(at)["within budget"] == "60 of 60"


def test_budgets_step_through_the_range_of_their_values():
    low, high, step = budget_scale(119_904.0, 1_200_000.0)
    assert low <= 119_904 < 1_200_000 <= high
    assert 50 <= (high - low) / step <= 2000
    assert budget_scale(0.3, 0.3) == (0.3, 0.3, 0.0)


def test_a_budget_stays_when_its_column_is_no_axis_any_more(open_app):
    at = open_app()
    at = at.slider(key="budget:madds").set_value(at.slider(key="budget:madds").min).run()
    few = metrics(at)["within budget"]
    assert few != "60 of 60"
    assert not [slider for slider in at.slider if slider.key == "budget:params"]
    at = at.selectbox(key="x").set_value("params").run()
    assert metrics(at)["within budget"] == few
    at = at.multiselect(key="budgets").select("madds").run()
    at = the_button(at, "Lift all budgets").click().run()
    assert metrics(at)["within budget"] == "60 of 60"
    assert at.slider(key="budget:madds").value == at.slider(key="budget:madds").max


def test_a_link_with_a_budget_opens_on_it(open_app):
    at = open_app(**{"budget:map": "0.4", "y": "map", "x": "params"})
    assert at.slider(key="budget:map").value == 0.4
    assert at.selectbox(key="x").value == "params"


def test_points_of_a_lasso_go_to_the_shortlist_which_outlives_the_session(open_app, folder):
    at = open_app()
    at.session_state["front"] = points(3, [5])
    at = the_button(at.run(), "Add 2 to the shortlist").click().run()
    listed = json.loads((folder / "runs" / "shortlist.json").read_text())
    assert list(listed) == SPACE.arch_ids(make_rows(folder)[[5, 3]])  # the better one first
    assert not at.exception


def make_rows(folder: Path):
    from evonas.table import open_table

    return open_table(folder / "table").genotypes()


def test_a_lasso_of_more_than_the_shortlist_holds_says_so(open_app, folder):
    at = open_app()
    at.session_state["front"] = points(*range(30))
    at = the_button(at.run(), "Add 20 of 30 to the shortlist").click().run()
    assert len(json.loads((folder / "runs" / "shortlist.json").read_text())) == MOST
    assert any("10 left out" in toast.value for toast in at.toast)


@pytest.mark.parametrize(
    "event",
    [
        points("3", None, -1, 60, 10**30, 1.5, True, [1, 2], {"a": 1}, "<script>"),
        {"selection": {"points": "all"}},
        {"selection": None},
        {},
    ],
)
def test_forged_chart_events_pick_nothing(open_app, event):
    at = open_app()
    at.session_state["front"] = event
    at = at.run()
    assert not at.exception
    assert the_button(at, "Add 0 to the shortlist").disabled


def test_one_picked_point_shows_its_neighbours(open_app):
    at = open_app()
    at.session_state["front"] = points(7)
    at = at.run()
    assert "Neighbours of the picked network" in [header.value for header in at.subheader]
    assert not at.exception


def table_of(folder: Path):
    from evonas.table import open_table

    return open_table(folder / "table")


def picture(at) -> dict:
    [chart] = [found for found in at.get("plotly_chart") if found.key == "front"]
    return json.loads(chart.proto.spec)


def trace(at, name: str) -> dict | None:
    return next((t for t in picture(at)["data"] if t.get("name") == name), None)


def numbers(encoded: dict[str, str]) -> list[int]:
    return np.frombuffer(base64.b64decode(encoded["bdata"]), encoded["dtype"]).tolist()


def first_words(at) -> str:
    return at.markdown[0].value


def test_the_first_sentence_is_the_best_network_under_the_budget(open_app, folder):
    at = open_app(**{"budget:params": "300000"})
    table = table_of(folder)
    within = np.flatnonzero(table.column("params") <= 300_000)
    best = within[table.column("map")[within].argmax()]
    said = first_words(at)
    assert SPACE.arch_ids(table.genotypes()[[best]])[0] in said
    assert f"**{table.column('map')[best]:.3f} AP** (supernet, error not known)" in said
    assert "at most 300 k parameters" in said


def test_the_error_of_shared_weights_is_that_against_trained_networks(open_app, folder):
    at = open_app()
    table = table_of(folder)
    rows = slice(0, 30)
    trained = {"trained_map": table.column("map")[rows] + 0.05}
    table.append(SPACE, table.genotypes()[rows], trained, provenance={"source": "trained"})
    assert "0.05 from trained AP on average of 30 networks" in first_words(at.run())


def test_a_budget_on_an_axis_is_a_line_and_the_view_ends_there(open_app):
    at = open_app(x="params", **{"budget:params": "300000"})
    drawn = picture(at)["layout"]
    [line] = drawn["shapes"]
    assert line["x0"] == line["x1"] == 300_000
    assert 10 ** drawn["xaxis"]["range"][1] < 1.2 * 300_000
    over = trace(at, "over budget")["marker"]
    assert over["size"] < trace(at, "dominated")["marker"]["size"]
    assert over["opacity"] < trace(at, "dominated")["marker"]["opacity"]
    at = at.segmented_control(key="view").set_value("All").run()
    assert "range" not in picture(at)["layout"]["xaxis"]


def test_axes_over_a_decade_are_logarithmic_until_told_otherwise(open_app):
    at = open_app(x="params")
    assert picture(at)["layout"]["xaxis"]["type"] == "log"
    assert picture(at)["layout"]["yaxis"]["type"] == "linear"
    at = at.checkbox(key="log:params").set_value(False).run()
    assert picture(at)["layout"]["xaxis"]["type"] == "linear"


def test_a_lasso_takes_nothing_over_budget_unless_asked(open_app, folder):
    at = open_app(**{"budget:map": "0.4"})
    ap = table_of(folder).column("map")
    inside, outside = int(ap.argmax()), int(ap.argmin())
    at.session_state["front"] = points(outside, inside)
    at = at.run()
    assert not the_button(at, "Add 1 to the shortlist").disabled
    [listed] = [f.value for f in at.dataframe if "on the front" in f.value]
    assert listed["arch_id"].tolist() == SPACE.arch_ids(make_rows(folder)[[inside]])
    at = at.checkbox(key="take over").set_value(True).run()
    assert the_button(at, "Add 2 to the shortlist")


def test_the_list_names_the_twenty_that_would_be_added_and_no_others(open_app, folder):
    at = open_app()
    at.session_state["front"] = points(*range(30))
    at = at.run()
    [listed] = [f.value for f in at.dataframe if "on the front" in f.value]
    the_button(at, "Add 20 of 30 to the shortlist").click().run()
    added = json.loads((folder / "runs" / "shortlist.json").read_text())
    assert list(added) == listed["arch_id"].tolist()


def test_a_lasso_outlives_a_redrawn_picture_and_is_cleared(open_app):
    at = open_app()
    at.session_state["front"] = points(3, 5)
    at = at.run()
    at.checkbox(key="dominated").set_value(False)
    at.session_state["front"] = points()
    at = at.run()
    assert not the_button(at, "Add 2 to the shortlist").disabled
    at = the_button(at, "Clear the lasso").click().run()
    assert the_button(at, "Add 0 to the shortlist").disabled


def test_ticked_rows_are_ringed(open_app):
    at = open_app()
    assert trace(at, "ticked") is None
    at.session_state["rows"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    at = at.run()
    front = numbers(trace(at, "Pareto front")["customdata"])
    assert numbers(trace(at, "ticked")["customdata"]) == front[1:2]


def test_rows_without_a_value_are_hollow_and_counted(open_app, folder):
    at = open_app()
    table = table_of(folder)
    some = table.genotypes()[:10]
    table.append(SPACE, some, {"map50": np.linspace(0.2, 0.4, 10)}, provenance=SCORES)
    at = at.run()
    at = at.selectbox(key="colour").set_value("map50").run()
    hollow = trace(at, "dominated, no map50")
    assert hollow["marker"]["symbol"] == "circle-open"
    at = at.selectbox(key="colour").set_value("none").run()
    at = at.selectbox(key="x").set_value("map50").run()
    assert "50 of 60 left out\\: 50 without map50" in " ".join(c.value for c in at.caption)
    assert metrics(at)["within budget"] == "10 of 60"


def test_an_own_device_is_an_axis_a_colour_and_a_budget(open_app, own_data, folder):
    add_own_device("my-phone")
    at = open_app(x="latency:my-phone")
    assert at.selectbox(key="x").value == "latency:my-phone"
    assert "predicted" in picture(at)["layout"]["xaxis"]["title"]["text"]
    assert "off by" in first_words(at)
    assert "your device, predicted here" in " ".join(c.value for c in at.caption)
    slider = at.slider(key="budget:latency:my-phone")
    at = slider.set_value(1.0).run()
    truth = load_predictor("ethos-u55-256", SPACE).predict(make_rows(folder))
    assert metrics(at)["within budget"] == f"{(truth <= 1.0).sum()} of 60"
    at = at.selectbox(key="x").set_value("params").run()
    at = at.selectbox(key="colour").set_value("latency:my-phone").run()
    assert not at.exception


def test_a_damaged_own_device_is_one_warning(open_app, own_data):
    broken = own_data / "latency" / "nano" / "my-phone.predictor.npz"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"broken")
    at = open_app()
    assert not at.exception
    assert "my-phone cannot be read" in at.warning[0].value
    assert metrics(at)["within budget"] == "60 of 60"


@pytest.mark.parametrize("key", ["dominated", "outside", "subspaces"])
def test_layers_can_be_switched(open_app, key):
    at = open_app()
    box = at.checkbox(key=key)
    at = box.set_value(not box.value).run()
    assert not at.exception


def test_all_else_of_the_page(open_app):
    at = open_app()
    at = at.selectbox(key="colour").set_value("params").run()
    at = at.toggle(key="parallel").set_value(True).run()
    assert not at.exception


@pytest.mark.parametrize("n", [0, 1])
def test_nearly_empty_tables_are_no_error(open_app, n):
    at = open_app(n)
    assert not at.exception
    assert not at.error


def test_nothing_within_budget_says_so(open_app):
    at = open_app()
    at = at.slider(key="budget:map").set_value(0.5).run()
    at = at.multiselect(key="budgets").select("params").run()
    at = at.slider(key="budget:params").set_value(at.slider(key="budget:params").min).run()
    assert "loosen" in at.warning[0].value
    assert float(metrics(at)["hypervolume"]) == 0
    assert not at.exception


def test_rows_without_scores_are_left_out(open_app):
    at = open_app(5, scores=np.nan)
    assert not at.exception
    assert "map" not in at.selectbox(key="y").options


def test_no_table_says_how_to_make_one(open_app, monkeypatch):
    at = open_app()
    monkeypatch.delenv("EVONAS_APP_TABLE")
    at = at.run()
    assert "make demo" in at.info[0].value


def test_a_damaged_table_is_one_message_without_its_place(open_app, folder):
    at = open_app()
    shutil.rmtree(folder / "table")
    (folder / "table").mkdir()
    (folder / "table" / "part-1.h5").write_bytes(b"broken")
    at = at.run()
    assert "no readable benchmark table" in at.error[0].value
    assert str(folder) not in at.error[0].value
    assert not at.exception


@pytest.mark.parametrize(
    "query",
    [
        {"table": "../../etc/passwd"},
        {"space": "'; drop"},
        {"x": "<script>alert(1)</script>"},
        {"y": "x" * 10_000},
        {"budget:map": "nan"},
        {"budget:map": "1e999"},
        {"colour": "\x00"},
    ],
)
def test_forged_query_parameters_do_nothing(open_app, query):
    at = open_app(**query)
    assert not at.exception
    assert metrics(at)["within budget"] == "60 of 60"


def test_read_only_keeps_the_shortlist_in_the_session(open_app, folder, monkeypatch):
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_app()
    at.session_state["front"] = points(3)
    at = the_button(at.run(), "Add 1 to the shortlist").click().run()
    assert len(at.session_state["shortlist"]) == 1
    assert not (folder / "runs").exists()


def test_the_app_imports_no_torch():
    code = (
        "import sys, pkgutil, importlib, app\n"
        "for module in pkgutil.walk_packages(app.__path__, 'app.'):\n"
        "    if module.name != 'app.streamlit_app' and not module.name.endswith('.page'):\n"
        "        importlib.import_module(module.name)\n"
        "assert 'torch' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_no_burden(open_app):
    at = open_app(100_000)
    assert metrics(at)["within budget"] == "100,000 of 100,000"
    at = at.slider(key="budget:map").set_value(0.3).run()
    assert metrics(at)["within budget"] == "50,000 of 100,000"
    at = at.checkbox(key="subspaces").set_value(True).run()
    assert not at.exception


def test_clearing_the_shortlist_asks_first(open_app, folder):
    at = open_app()
    at.session_state["front"] = points(3)
    at = the_button(at.run(), "Add 1 to the shortlist").click().run()
    assert not [button for button in at.button if button.key == "clear shortlist"]
    at = at.checkbox(key="clear asked").check().run()
    at = at.button(key="clear shortlist").click().run()
    assert json.loads((folder / "runs" / "shortlist.json").read_text()) == {}
    assert not at.exception
