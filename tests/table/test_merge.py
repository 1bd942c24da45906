import numpy as np
import pytest

from evonas.errors import ConfigurationError, DataError
from evonas.space import load_space
from evonas.table import BenchmarkTable, create_table, merge_tables, verify_table

SPACE = load_space("nano")
ROWS = np.unique(SPACE.sample(40, np.random.default_rng(0)), axis=0)[:20]
SUPERNET = {"source": "supernet", "weights": "a"}


def table_of(path, rows, values, provenance=SUPERNET) -> BenchmarkTable:
    table = create_table(path)
    table.append(SPACE, rows, {"map": values}, provenance=provenance)
    return table


@pytest.fixture
def two(tmp_path) -> tuple[BenchmarkTable, BenchmarkTable]:
    """Rows 0 to 9 and 5 to 14; they agree but for row 7, and 8 is missing here, 9 there."""
    ours, theirs = np.linspace(0.1, 0.2, 20), np.linspace(0.1, 0.2, 20)
    theirs[7], ours[8], theirs[9] = 0.9, np.nan, np.nan
    return (
        table_of(tmp_path / "ours", ROWS[:10], ours[:10]),
        table_of(tmp_path / "theirs", ROWS[5:15], theirs[5:15]),
    )


def test_differing_values_are_refused_and_nothing_is_written(two):
    target, source = two
    before, files = target.checksum(), len(list(target.path.iterdir()))
    with pytest.raises(DataError, match=r"1 values of 'map' differ.*nano:.*0\.9.* there"):
        merge_tables(target, [source])
    assert (target.checksum(), len(list(target.path.iterdir()))) == (before, files)


@pytest.mark.parametrize(("rule", "expected"), [("keep", 0.1 + 0.1 * 7 / 19), ("replace", 0.9)])
def test_a_rule_says_which_value_stays(two, rule, expected):
    target, source = two
    merge_tables(target, [source], rule)
    assert len(target) == 15
    scores = target.lookup(ROWS, ["map"])["map"]
    assert scores[7] == pytest.approx(expected)
    assert not np.isnan(scores[:15]).any()
    assert np.isnan(scores[15:]).all()
    assert verify_table(target) == []


def test_sources_that_agree_need_no_rule(tmp_path):
    target = create_table(tmp_path / "target")
    tables = [table_of(tmp_path / n, ROWS[:12], np.full(12, 0.5)) for n in "ab"]
    merge_tables(target, tables)
    merge_tables(target, tables)
    assert target.checksum() == tables[0].checksum()


def test_another_provenance_needs_a_label(two, tmp_path):
    target, _ = two
    other = table_of(tmp_path / "other", ROWS, np.full(20, 0.7), SUPERNET | {"weights": "b"})
    with pytest.raises(DataError, match=r"'map' has weights 'b', in .* 'a'; give it a label"):
        merge_tables(target, [other], "replace")
    merge_tables(target, [other], labels={"map": "b"})
    assert set(target.columns()) == {"map", "map@b"}
    assert (target.lookup(ROWS, ["map@b"])["map@b"] == 0.7).all()
    assert target.provenance("map@b")["weights"] == "b"


def test_an_unknown_rule_is_refused(two):
    with pytest.raises(ConfigurationError, match="unknown conflict rule 'mine'; known: keep"):
        merge_tables(two[0], [two[1]], "mine")


def test_a_label_for_a_column_that_no_source_has_is_refused(two):
    before = two[0].checksum()
    with pytest.raises(ConfigurationError, match="unknown column 'foo'; known: map"):
        merge_tables(two[0], [two[1]], "keep", labels={"foo": "b"})
    assert two[0].checksum() == before
