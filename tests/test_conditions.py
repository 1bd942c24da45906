import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.conditions import (
    And,
    Comparison,
    Not,
    Or,
    condition_columns,
    parse_condition,
    where_mask,
)
from evonas.errors import ConfigurationError
from evonas.search.constraints import parse_constraints, total_violation, violations

COLUMNS = {"map": np.array([0.1, 0.2, 0.3, 0.4]), "a:b-1": np.array([4.0, 3.0, -2.0, 0.0])}

bounds = st.builds(
    Comparison,
    st.sampled_from(sorted(COLUMNS)),
    st.sampled_from(["<=", ">=", "<", ">", "==", "!="]),
    st.sampled_from([-2.0, 0.0, 0.2, 0.25, 0.3, 1e300, 3.0]),
)
mirrored = bounds.map(lambda c: Comparison(c.right, c.sign, c.left))
conditions = st.recursive(
    bounds | mirrored,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=8,
)


@given(conditions)
def test_a_condition_written_out_and_read_again_is_the_same(condition):
    read = parse_condition(str(condition))
    assert str(read) == str(condition)
    assert condition_columns(read) == condition_columns(condition)


@given(conditions)
def test_a_search_is_violated_just_where_a_table_finds_no_row(condition):
    text = str(condition)
    violated = violations(parse_constraints([text]), COLUMNS, 4)
    np.testing.assert_array_equal(
        total_violation(violated) == 0, where_mask(text, COLUMNS.__getitem__)
    )


def test_a_violation_grows_with_the_distance_and_an_or_takes_the_nearer_bound():
    [constraint] = parse_constraints(["map >= 0.4 or a:b-1 <= 2"])
    np.testing.assert_allclose(constraint.violation(COLUMNS), [0.75, 0.5, -2, -1])
    [left, right] = parse_constraints(["not (map < 0.2 or 5 < a:b-1)"])
    assert (str(left.condition), str(right.condition)) == ("map >= 0.2", "a:b-1 <= 5.0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a column or a number expected at 1"),
        ("map <", "a column or a number expected at 6, not 'the end'"),
        ("map < 1e999", "1e999 is too large for a number"),
        ("1 < 2", "compares no column"),
        ("map < 1 )", "'and' or 'or' expected at 9"),
        ("map ~ 1", "'~' at 5 is not allowed"),
    ],
)
def test_what_is_no_condition_is_refused_in_a_table_and_in_a_search(text, message):
    for read in (lambda: where_mask(text, COLUMNS.__getitem__), lambda: parse_constraints([text])):
        with pytest.raises(ConfigurationError, match=message):
            read()
