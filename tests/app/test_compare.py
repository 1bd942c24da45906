import json
from dataclasses import replace

import numpy as np
import pytest

from app.compare.comparing import comparable, differences, normalised_figure, objective_values
from app.shared.shortlist import LONGEST_NOTE, add, is_arch_id, read
from evonas.figures.architecture import strip_figure, strip_scale
from evonas.space import resolve
from evonas.space.layers import layer_rows
from tests.app.conftest import SPACE, make_table


def ids(folder, n: int) -> list[str]:
    return SPACE.arch_ids(make_table(folder / "more", n).genotypes())


def test_an_empty_shortlist_says_what_to_do(open_app):
    at = open_app(page="compare")
    assert "shortlist" in at.info[0].value
    assert not at.exception


def test_a_link_compares_and_forged_names_in_it_are_left_out(open_app, folder):
    one, two = ids(folder, 2)
    at = open_app(page="compare", archs=f"{one},../../etc,<b>,{two},nano:zz")
    assert at.multiselect[0].value == [one, two]
    assert not at.exception
    assert not at.error


def test_notes_of_the_shortlist_are_kept_as_text(open_app, folder):
    one, two = ids(folder, 2)
    (folder / "runs").mkdir()
    hostile = {one: "<script>alert(1)</script>", two: "x" * 999, "../etc": "", "nano:0": ""}
    (folder / "runs" / "shortlist.json").write_text(json.dumps(hostile))
    at = open_app(page="compare")
    assert at.multiselect[0].value == [one, two]
    assert not at.exception
    kept = read(folder / "runs" / "shortlist.json")
    assert list(kept) == [one, two]
    assert len(kept[two]) == LONGEST_NOTE


def test_damaged_shortlists_are_empty(tmp_path):
    for content in ("", "[1]", "{", '{"nano:0": 1}'):
        (tmp_path / "list.json").write_text(content)
        assert read(tmp_path / "list.json") == {}


def test_only_canonical_identifiers_count():
    assert is_arch_id("pico:0000000")
    assert not any(map(is_arch_id, ["pico:000000", "pico:zzzzzzz", "other:0", 3, None, "a" * 99]))


def test_a_full_shortlist_says_how_many_it_left_out():
    names = [f"pico:000000{i}" for i in range(25)]
    added = add({}, names)
    assert (len(added.entries), added.n_left_out) == (20, 5)
    assert add(added.entries, names[:3]).n_left_out == 0


def test_differences_are_those_of_the_genotypes(tmp_path):
    table = make_table(tmp_path / "table", 2)
    one, two = (resolve(a) for a in SPACE.arch_ids(table.genotypes()))
    rows = differences([one, two])
    assert any(row["differs"] for row in rows)
    for row in rows:
        assert bool(row["differs"]) == (row[one.arch_id] != row[two.arch_id])
    assert not any(row["differs"] for row in differences([one, one]))


def test_objectives_of_designs_are_counted_predicted_and_looked_up(tmp_path):
    table = make_table(tmp_path / "table", 3)
    designs = [resolve(a) for a in SPACE.arch_ids(table.genotypes())]
    values = objective_values(designs, {"t": table})
    assert np.allclose([values["map"][d.arch_id] for d in designs], table.column("map"))
    assert "latency:cpu-xnnpack" in values
    assert len(normalised_figure(values, [d.arch_id for d in designs]).data) == 3


def test_what_was_trained_here_stands_beside_what_was_predicted(open_app, done, folder):
    arch = "nano:000000000000000"
    (other,) = ids(folder, 1)
    at = open_app(page="compare", archs=f"{arch},{other}")
    assert not at.exception
    [values] = [f.value for f in at.dataframe if "objective" in f.value]
    ap = json.loads((done / "metrics.json").read_text())["val"]["map"]
    assert f"{ap:.4g} AP" in values[arch].tolist()


def test_a_damaged_table_leaves_the_rest_of_the_page(open_app, folder):
    one, two = ids(folder, 2)
    (folder / "runs" / "broken" / "table").mkdir(parents=True)
    (folder / "runs" / "broken" / "table" / "part-1.h5").write_bytes(b"broken")
    at = open_app(page="compare", archs=f"{one},{two}")
    assert "run broken cannot be read" in at.warning[0].value
    assert not at.exception


@pytest.mark.parametrize("archs", ["", ",,,", "x" * 5000, "<script>", "\x00", "nano:0," * 50])
def test_forged_links_compare_nothing(open_app, archs):
    at = open_app(page="compare", archs=archs)
    assert not at.exception
    assert not at.error


@pytest.mark.parametrize(("n", "scores"), [(0, None), (1, None), (3, np.nan)])
def test_any_table_will_do(open_app, folder, n, scores):
    one, two = ids(folder, 2)
    at = open_app(n, scores, page="compare", archs=f"{one},{two}")
    assert not at.exception
    assert not at.error


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_no_burden(open_app, folder):
    one, two = ids(folder, 2)
    at = open_app(100_000, page="compare", archs=f"{one},{two}")
    assert not at.exception
    at = at.switch_page("architecture/page.py")
    at.query_params["arch"] = one
    assert not at.run().exception


def test_a_network_named_twice_is_compared_once_with_a_word(open_app, folder):
    one, two = ids(folder, 2)
    at = open_app(page="compare", archs=f"{one},{one},{two},nano:zz")
    assert not at.exception
    assert at.multiselect(key="archs").value == [one, two]
    said = " ".join(warning.value for warning in at.warning)
    assert "more often" in said
    assert "nano\\:zz" in said


def test_more_designs_than_fit_are_left_out_with_a_word(open_app, folder):
    at = open_app(page="compare", archs=",".join(ids(folder, 9)))
    assert not at.exception
    assert len(at.multiselect(key="archs").value) == 6
    assert "9 designs" in at.warning[0].value


def test_what_one_design_has_and_what_was_trained_here_stay_out_of_the_picture():
    here = "trained_map (digits, 10 steps, seed 0, protocol fast)"
    values = {"map": {"a": 0.5}, here: {"a": 0.1, "b": 0.2}, "params": {"a": 1.0, "b": 2.0}}
    assert list(comparable(values)) == ["params"]


def test_what_was_trained_here_says_its_data_steps_seed_and_protocol(open_app, done, folder):
    (other,) = ids(folder, 1)
    at = open_app(page="compare", archs=f"nano:000000000000000,{other}")
    [values] = [f.value for f in at.dataframe if "objective" in f.value]
    names = values["objective"].tolist()
    assert "trained_map (scenes, 6 steps, seed 0, protocol fast)" in names
    row = values.iloc[names.index("trained_map (scenes, 6 steps, seed 0, protocol fast)")]
    assert row[other] == "-"


def test_strips_of_several_networks_span_the_same_channels():
    small, large = (layer_rows(resolve(f"nano:{'0' * 15}").architecture) for _ in range(2))
    large = [replace(row, c_out=3 * row.c_out) for row in large]
    scale = strip_scale([small, large])
    spans = [strip_figure(rows, scale).layout.xaxis.range for rows in (small, large)]
    assert spans[0] == spans[1] == (0, sum(row.c_out for row in large))
