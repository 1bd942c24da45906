import numpy as np
import pytest

from evonas.errors import ConfigurationError
from evonas.objectives import load_objective
from evonas.search import Progress, make_spec, run_search, run_spec
from evonas.search.hypervolume import normalised_hypervolume, worst_corner
from evonas.space import load_space
from tests.search.additive import AdditiveScorer

SPACE = load_space("nano")


def test_the_box_depends_on_space_and_objectives_alone():
    objectives = [load_objective(name) for name in ("map", "params", "latency:ethos-u55-256")]
    worst = worst_corner(SPACE, objectives)
    sample = SPACE.costs(SPACE.sample(10_000, np.random.default_rng(0)))
    assert worst[:2].tolist() == [0.0, sample["params"].max()]
    best = np.array([[1.0, 0.0, 0.0]])
    assert normalised_hypervolume(best, objectives, worst) == pytest.approx(1.0)
    half = np.array([[0.5, worst[1] / 2, worst[2] / 2], [np.nan, 0.0, 0.0]])
    assert normalised_hypervolume(half, objectives, worst) == pytest.approx(0.125)


def test_a_measured_latency_has_the_predicted_ones_corner():
    names = ("latency:ethos-u55-256", "measured:ethos-u55-256")
    predicted, measured = worst_corner(SPACE, [load_objective(name) for name in names])
    assert predicted == measured
    with pytest.raises(ConfigurationError, match="unknown device 'nowhere'"):
        worst_corner(SPACE, [load_objective("measured:nowhere")])


def test_a_line_between_two_generations_says_of_which_networks_its_hypervolume_is():
    """A batch of scores ends before its generation does: its hypervolume is the earlier one's."""
    lines: list[Progress] = []
    result = run_search(
        SPACE,
        ("map", "madds"),
        scorer=AdditiveScorer(SPACE),
        population=8,
        generations=3,
        callback=lines.append,
    )
    assert any(line.evaluated > line.completed for line in lines)
    true = {p.evaluated: p.hypervolume for p in result.history} | {0: 0.0}
    assert all(line.hypervolume == true[line.completed] for line in lines)


def test_what_was_found_is_handed_over_after_each_generation():
    fronts = []
    spec = make_spec("nano", ("params", "madds"), population=8, generations=3)
    result = run_spec(spec, on_generation=lambda found: fronts.append(found.rows()))
    assert len(fronts) == 3
    assert fronts[-1] == result.rows()
