"""Explore's filters, its axes with ranges, and its why."""

import numpy as np
import pytest

from evonas.table import kinds_of, open_table
from evonas.table.choices import KINDS
from tests.app.conftest import SPACE, metrics


def kinds(folder) -> np.ndarray:
    return kinds_of(SPACE, open_table(folder / "table").genotypes("nano"))


def text_of(at) -> str:
    return " ".join(element.value for element in (*at.markdown, *at.caption, *at.warning))


def test_a_filter_by_choice_holds_for_every_view(open_app, folder):
    at = open_app(**{"genes": "fused in block 1", "parallel": "true"})
    n = int((kinds(folder)[:, 0] == KINDS.index("fused")).sum())
    assert 0 < n < 60
    assert metrics(at)["within budget"] == f"{n} of 60"
    [front] = [f.value for f in at.dataframe if "arch_id" in f.value and "map" in f.value]
    rows = SPACE.genotypes(front["arch_id"].tolist())
    assert (kinds_of(SPACE, rows)[:, 0] == KINDS.index("fused")).all()
    assert f"of {n:,} within budgets and filters drawn" in text_of(at)
    assert f"{60 - n} of the rest by the filters" in text_of(at)
    assert not at.exception


def test_a_range_of_an_axis_filters_every_view(open_app):
    at = open_app(parallel="true", axes=["map", "block 1 layer 1"])
    at = at.slider(key="range:map").set_value((0.2, 0.3)).run()
    inside = np.linspace(0.1, 0.5, 60)
    n = int(((inside >= 0.2) & (inside <= 0.3)).sum())
    assert metrics(at)["within budget"] == f"{n} of 60"
    assert "map 0.2 to 0.3" in text_of(at)
    assert not at.exception


def test_a_range_of_choices_is_named_and_filters(open_app, folder):
    at = open_app(parallel="true", axes=["map", "block 1 layer 1"])
    at = at.select_slider(key="range:block 1 layer 1").set_range("fused_k3_e4", "fused_k5_e8").run()
    n = int((kinds(folder)[:, 0] == KINDS.index("fused")).sum())
    assert metrics(at)["within budget"] == f"{n} of 60"
    assert "block 1 layer 1 fused\\_k3\\_e4 to fused\\_k5\\_e8" in text_of(at)


def test_why_says_what_the_front_chooses_and_how_well_its_surrogate_predicts(open_app):
    at = open_app(300, why="true", x="params")
    assert not at.exception
    assert not at.error
    said = text_of(at)
    assert "of the front" in said
    assert "At equal params these buy most AP" in said
    assert "Surrogate, cross-validated: map: R2" in said
    [table] = [f.value for f in at.dataframe if "gene" in f.value]
    assert table["gene"].tolist()[:3] == ["stem width", "block 1 width", "block 1 layer 1"]


@pytest.mark.parametrize(("n", "scores"), [(1, None), (5, None), (60, 0.3), (90, np.nan)])
def test_too_few_or_equal_values_are_words_and_no_error(open_app, n, scores):
    at = open_app(n, scores, why="true", parallel="true")
    assert not at.exception
    assert not at.error


def test_what_the_address_does_not_know_is_left_out_with_a_word(open_app):
    query = {
        "genes": ["fused in block 1", "fused in block 77", "<b>"],
        "axes": ["map", "nonsense"],
        "x": "latency:toaster",
        "budget:latency:toaster": "1",
        "range:nothing": "2",
        "parallel": "true",
    }
    at = open_app(**query)
    assert not at.exception
    said = " ".join(warning.value for warning in at.warning)
    for name in ("fused in block 77", "\\<b>", "nonsense", "toaster", "range\\:nothing"):
        assert name in said
    assert at.multiselect(key="genes").value == ["fused in block 1"]


def test_a_choice_named_twice_is_taken_once_with_a_word(open_app):
    at = open_app(genes=["fused in block 1", "fused in block 1"])
    assert not at.exception
    assert "more often" in at.warning[0].value
    assert at.multiselect(key="genes").value == ["fused in block 1"]


def test_without_a_front_nothing_is_asked(open_app):
    at = open_app(**{"why": "true", "budget:map": "0.49"})
    at = at.slider(key="budget:madds").set_value(at.slider(key="budget:madds").min).run()
    assert metrics(at)["within budget"] == "0 of 60"
    assert "there is no front to ask" in text_of(at)
    assert not at.exception
