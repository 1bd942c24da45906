import inspect

import numpy as np
import pytest

from evonas.cli.search import search as command
from evonas.conditions import where_mask
from evonas.errors import ConfigurationError
from evonas.search import SearchSpec, make_spec, run_search, run_spec


def test_the_command_and_the_function_have_the_specs_defaults():
    for function in (command, run_search, make_spec):
        for name, parameter in inspect.signature(function).parameters.items():
            if name in ("algorithm", "population", "generations", "seed"):
                assert parameter.default == getattr(SearchSpec, name), (function, name)


def test_a_specs_settings_make_the_same_spec():
    spec = make_spec(
        "pico", ["params", "madds"], ["params <= 2e5 and (madds < 1e7 or not madds <= 2e7)"], seed=3
    )
    assert make_spec(**spec.settings()) == spec


def test_a_search_by_spec_is_the_search_by_its_texts():
    spec = make_spec("pico", ["params", "madds"], population=8, generations=2, seed=1)
    by_texts = run_search("pico", ["params", "madds"], population=8, generations=2, seed=1)
    assert run_spec(spec).rows() == by_texts.rows()


def test_either_budget_is_enough_where_an_or_joins_them():
    where = "params <= 90000 or madds <= 8.5e6"
    result = run_search("pico", ["params", "madds"], where=[where])
    archive = result.archive
    np.testing.assert_array_equal(archive.feasible, where_mask(where, archive.columns.__getitem__))
    small, cheap = archive.columns["params"] <= 90000, archive.columns["madds"] <= 8.5e6
    assert all((archive.feasible & ~other).any() for other in (small, cheap))


def test_numbers_out_of_range_and_single_objectives_are_refused():
    with pytest.raises(ConfigurationError, match="population is 0; a whole number from 1 to"):
        make_spec("pico", ["params", "madds"], population=0)
    with pytest.raises(ConfigurationError, match="at least two different ones are required"):
        make_spec("pico", ["params"])


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("map > 2", "no network meets map > 2.0: map lies between 0 and 1"),
        ("map <= 0.4 and params < 0", "params is above 0"),
        ("fits:ethos-u55-256 > 1 or latency:ethos-u55-256 <= 0", "lies between 0 and 1, latency"),
    ],
)
def test_what_no_network_can_meet_is_refused_before_any_is_scored(where, told):
    with pytest.raises(ConfigurationError, match=told):
        make_spec("pico", ["map", "params"], [where])


def test_bounds_that_some_network_may_meet_are_allowed():
    where = ["map >= 1", "map > 2 or params < 1e5", "not fits:ethos-u55-256 <= 0", "map != 3"]
    assert len(make_spec("pico", ["map", "params"], where).constraints) == 4


def test_one_condition_may_stand_alone_and_one_objective_may_not():
    listed = make_spec("nano", ["madds", "params"], ["madds <= 2e7"])
    assert make_spec("nano", ["madds", "params"], "madds <= 2e7") == listed
    with pytest.raises(ConfigurationError, match="a list of names is expected"):
        make_spec("nano", "madds")
