import numpy as np
import pytest

from app.explore.figure import Layers, front_figure
from app.explore.filters import Axis
from app.explore.hue import hue_of
from app.explore.marks import reference_marks, shortlist_marks
from app.explore.parallel import MOST_LINES, parallel_data, parallel_figure
from app.shared.front import MOST_SHOWN, front_data, subspace_fronts, subspace_levels
from app.shared.rows import rows_csv
from evonas.objectives import pareto_mask
from evonas.search import run_search
from evonas.space import list_published, load_space
from evonas.table import create_table, open_table
from tests.app.conftest import SPACE, make_table
from tests.search.additive import AdditiveScorer


def test_a_large_cloud_is_thinned_and_its_front_is_whole(tmp_path):
    table = make_table(tmp_path / "table", 50_000)
    data = front_data(table, "nano", "params", "map", {})
    assert len(np.unique(data.dominated)) == len(data.dominated) == MOST_SHOWN
    figure = front_figure(data, Layers())
    assert figure.to_json() == front_figure(data, Layers()).to_json()
    assert len(figure.data[-1].x) == len(data.front)
    assert {trace.type for trace in figure.data} == {"scatter"}  # few enough to do without WebGL
    axes = [Axis("map", None, (), 0.1, 0.5), Axis("b1.l1.op", 2, ("a", "b"), 0.0, 1.0)]
    lines = parallel_data(table, "nano", data, axes)
    assert len(lines.on_front) <= MOST_LINES + len(data.front)
    assert lines.on_front.sum() == len(data.front)
    assert parallel_figure(lines).data


def test_the_front_under_a_budget_is_that_of_the_rows_within_it(tmp_path):
    table = make_table(tmp_path / "table", 300)
    data = front_data(table, "nano", "madds", "map", {"params": 3e5, "map": 0.2})
    params, ap = table.column("params"), table.column("map")
    within = np.flatnonzero((params <= 3e5) & (ap >= 0.2))
    assert (data.within == within).all()
    expected = within[pareto_mask(data.values[within], data.objectives)]
    assert sorted(data.front) == sorted(expected)
    assert not set(data.front) & set(data.dominated)


def test_subspaces_are_nested_and_the_whole_has_the_whole_front(tmp_path):
    table = make_table(tmp_path / "table", 300)
    levels = subspace_levels(SPACE, table.genotypes())
    for row in range(0, 300, 10):
        kinds = {op.kind for b in SPACE.decode(table.genotypes()[row]).blocks for op in b.ops}
        expected = 2 if "tucker" in kinds else 1 if "fused" in kinds else 0
        assert levels[row] == expected
    data = front_data(table, "nano", "params", "map", {})
    fronts = subspace_fronts(data, levels)
    assert (fronts["tdb"] == data.front).all()
    assert (levels[fronts["ibn+fused"]] <= 1).all()


def test_the_hypervolume_is_that_of_the_search_that_filled_the_table(tmp_path):
    table = create_table(tmp_path / "table")
    scorer = AdditiveScorer(SPACE)
    found = run_search(
        SPACE, ("map", "params"), scorer=scorer, table=table, population=20, generations=3
    )
    data = front_data(open_table(tmp_path / "table"), "nano", "params", "map", {})
    assert 0 < data.hypervolume == pytest.approx(found.hypervolume)


def test_a_column_that_only_stored_networks_have_has_no_hypervolume(tmp_path):
    table = make_table(tmp_path / "table", 20)
    names = {"measured:nowhere": np.linspace(1, 2, 20)}
    table.append(SPACE, table.genotypes(), names, provenance={"source": "measured"})
    assert np.isnan(front_data(table, "nano", "measured:nowhere", "map", {}).hypervolume)


def test_all_rows_infeasible_leaves_an_empty_picture(tmp_path):
    table = make_table(tmp_path / "table", 20)
    data = front_data(table, "nano", "params", "map", {"params": 1.0})
    assert len(data.front) == len(data.within) == 0
    assert data.hypervolume == 0
    assert len(data.outside) == 20
    front_figure(data, Layers(hue=hue_of("madds", table.column("madds"), data.within)))


def test_published_networks_stand_where_their_costs_put_them(tmp_path):
    space = load_space("mobiledet")
    table = create_table(tmp_path / "table")
    genotypes = space.sample(10, np.random.default_rng(0))
    table.append(space, genotypes, space.costs(genotypes), provenance={"source": "analytic"})
    marks = {m.name: m for m in reference_marks(table, "mobiledet", "params", "madds")}
    assert set(list_published()) < set(marks)
    assert 0.4e9 < marks["mobiledet-cpu"].y < 0.5e9
    assert not reference_marks(make_table(tmp_path / "nano", 3), "nano", "params", "madds")


def test_shortlisted_networks_of_other_spaces_and_tables_have_no_mark(tmp_path):
    table = make_table(tmp_path / "table", 10)
    ours = SPACE.arch_ids(table.genotypes())[4]
    marks = shortlist_marks(
        table, "nano", "params", "map", ["pico:0000000", ours, "nano:011111111111111"]
    )
    assert [mark.name for mark in marks] == [ours]


def test_rows_as_text_read_back(tmp_path):
    table = make_table(tmp_path / "table", 5)
    lines = rows_csv(table, "nano", np.arange(5), ["map", "params"]).splitlines()
    assert lines[0] == "arch_id,map,params"
    assert [float(line.split(",")[1]) for line in lines[1:]] == table.column("map").tolist()
