import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.front import MOST_SHOWN, front_data, front_figure
from evonas.cli.strip import strip_figure
from evonas.space import list_published, load_published, load_space
from evonas.space.costs import params
from evonas.space.layers import layer_rows
from evonas.table import BenchmarkTable, create_table

ENTRY = str(Path(__file__).parents[2] / "app" / "streamlit_app.py")
SPACE = load_space("nano")
SCORES = {"source": "supernet"}


def make_table(path: Path, n: int, scores: float | None = None) -> BenchmarkTable:
    table = create_table(path)
    if n:
        genotypes = np.unique(SPACE.sample(3 * n, np.random.default_rng(0)), axis=0)[:n]
        values = np.linspace(0.1, 0.5, n) if scores is None else np.full(n, scores)
        table.append(SPACE, genotypes, {"map": values}, provenance=SCORES)
        costs = SPACE.costs(genotypes)
        table.append(SPACE, genotypes, costs, provenance={"source": "analytic"})
    return table


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    def start(n: int = 60, scores: float | None = None) -> AppTest:
        monkeypatch.chdir(tmp_path)
        make_table(tmp_path / "table", n, scores)
        monkeypatch.setenv("EVONAS_APP_TABLE", str(tmp_path / "table"))
        monkeypatch.setattr("app.sources.benchmark_data_dir", lambda: tmp_path / "nothing")
        return AppTest.from_file(ENTRY, default_timeout=20).run()

    return start


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_explore_shows_the_front_and_a_budget_derives_it_anew(open_app):
    at = open_app()
    assert not at.exception
    assert metrics(at)["within budget"] == "60 of 60"
    slider = at.slider(key="budget:map")
    at = slider.set_value(0.4).run()
    within = int(metrics(at)["within budget"].split()[0])
    assert within == int((np.linspace(0.1, 0.5, 60) >= 0.4).sum())
    assert 0 < int(metrics(at)["on the front"]) <= within
    assert not at.exception


def test_points_of_a_lasso_go_to_the_shortlist_and_to_their_page(open_app):
    at = open_app()
    at.session_state["front"] = {"selection": {"points": [{"customdata": 3}, {"customdata": 5}]}}
    at = at.run()
    [add] = [button for button in at.button if button.label == "Add 2 to the shortlist"]
    at = add.click().run()
    assert metrics(at)["shortlist"] == "2"
    at = at.switch_page("app_pages/architecture.py").run()
    assert not at.exception
    assert at.text_input[0].value.startswith("nano:")


@pytest.mark.parametrize("n", [0, 1])
def test_nearly_empty_tables_are_no_error(open_app, n):
    at = open_app(n)
    assert not at.exception
    assert not at.error


def test_rows_without_scores_are_left_out(open_app):
    at = open_app(5, scores=np.nan)
    assert not at.exception
    assert "map" not in at.selectbox(key="y").options


def test_no_table_says_how_to_make_one(open_app, tmp_path, monkeypatch):
    at = open_app()
    monkeypatch.delenv("EVONAS_APP_TABLE")
    at = at.run()
    assert "make demo" in at.info[0].value


def test_a_damaged_table_is_one_message(open_app, tmp_path):
    at = open_app()
    shutil.rmtree(tmp_path / "table")
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "part-1.h5").write_bytes(b"broken")
    at = at.run()
    assert "no readable benchmark table" in at.error[0].value
    assert not at.exception


@pytest.mark.parametrize("name", [*list_published(), "nano:000000000000000"])
def test_architecture_shows_any_network(open_app, name):
    at = open_app().switch_page("app_pages/architecture.py").run()
    at = at.text_input[0].set_value(name).run()
    assert not at.exception
    assert not at.error


@pytest.mark.parametrize("value", ["../../etc/passwd", "<script>", "nano:zzzzzzzzzzzzzzz", "x:0"])
def test_hostile_identifiers_are_one_message(open_app, value):
    at = open_app().switch_page("app_pages/architecture.py").run()
    at = at.text_input[0].set_value(value).run()
    assert not at.exception
    assert len(at.error) == 1


def test_a_large_cloud_is_thinned_and_its_front_is_whole(tmp_path):
    table = make_table(tmp_path / "table", 50_000)
    data = front_data(table, "nano", "params", "map", {})
    assert len(data.dominated) <= MOST_SHOWN
    figure = front_figure(data, data.front[:2])
    assert figure.to_json() == front_figure(data, data.front[:2]).to_json()
    assert len(figure.data[2].x) == len(data.front)


def test_layers_have_all_parameters_of_the_backbone():
    architecture = load_published("mobiledet-edgetpu")
    rows = layer_rows(architecture)
    head = sum(
        conv.params()
        for level in architecture.levels()
        for conv in (*level.stage, *level.boxes, *level.classes)
    )
    total = params(architecture) - head - architecture.stem_conv().params()
    assert sum(row.params for row in rows) == total
    assert len(strip_figure(rows).data) == len(rows) + 4


def test_the_app_imports_no_torch(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys, app.front, evonas.cli.strip, app.sources, app.state, evonas.latency\n"
        "assert 'torch' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
