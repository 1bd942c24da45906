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
    with pytest.raises(ConfigurationError, match="population is 0; it must be at least 1"):
        make_spec("pico", ["params", "madds"], population=0)
    with pytest.raises(ConfigurationError, match="at least two different ones are required"):
        make_spec("pico", ["params"])
