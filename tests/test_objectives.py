import moocore
import numpy as np
import pytest

from evonas.objectives import Objective, pareto_mask


@pytest.mark.parametrize("n_objectives", [2, 4])
@pytest.mark.parametrize("digits", [1, 9])
def test_fronts_of_many_rows_are_moocores(n_objectives, digits):
    # Rounded to one digit, most rows are equal to others.
    rng = np.random.default_rng(n_objectives)
    values = np.round(rng.normal(size=(50_000, n_objectives)), digits)
    values[::11, 0] = np.nan
    values[::13, -1] = np.inf
    chosen = [Objective(str(i), "", maximise=i % 2 == 0) for i in range(n_objectives)]
    finite = np.isfinite(values).all(axis=1)
    expected = np.zeros(len(values), bool)
    directions = [objective.maximise for objective in chosen]
    expected[finite] = moocore.is_nondominated(values[finite], maximise=directions)
    np.testing.assert_array_equal(pareto_mask(values, chosen), expected)


def test_rows_that_are_all_equal_or_all_missing():
    chosen = [Objective("a", "", maximise=True), Objective("b", "", maximise=False)]
    assert np.flatnonzero(pareto_mask(np.ones((50_000, 2)), chosen)).tolist() == [0]
    assert not pareto_mask(np.full((50_000, 2), np.nan), chosen).any()
    assert not pareto_mask(np.empty((0, 2)), chosen).any()
