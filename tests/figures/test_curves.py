import numpy as np

from evonas.figures.curves import Curve, bands, curves_figure, style
from evonas.figures.fronts import front_line, fronts_figure
from evonas.objectives import load_objective


def curve(name: str, group: str, *points: tuple[float, float]) -> Curve:
    at, values = np.array(points).T
    return Curve(name, group, at, values)


def test_a_band_ends_where_its_shortest_run_does_and_each_value_holds_until_the_next():
    runs = [
        curve("a", "g", (10, 0.1), (20, 0.3), (40, 0.4)),
        curve("b", "g", (10, 0.2), (30, 0.6)),
        curve("c", "other", (10, 0.5)),
    ]
    one, other = bands(runs[::-1])
    assert (one.group, one.n, other.group, other.n) == ("g", 2, "other", 1)
    assert one.at.tolist() == [10, 20, 30]
    np.testing.assert_allclose(one.median, [0.15, 0.25, 0.45])
    np.testing.assert_allclose(one.low, [0.125, 0.225, 0.375])
    np.testing.assert_allclose(one.high, [0.175, 0.275, 0.525])


def test_runs_with_nothing_in_common_have_no_band_and_are_drawn_all_the_same():
    runs = [curve("a", "g", (1, 0.1), (2, 0.2)), curve("b", "g", (5, 0.3), (6, 0.4))]
    [found] = bands(runs)
    assert len(found.at) == 0
    assert [trace.name for trace in curves_figure(runs, "x", "y").data] == ["a", "b"]


def test_seeds_share_a_colour_and_groups_differ_in_dash_too():
    runs = [curve(f"{g}{i}", g, (1, 0.1), (2, 0.2 + i)) for g in "pq" for i in range(3)]
    medians = [trace for trace in curves_figure(runs, "x", "y").data if trace.showlegend is None]
    assert [trace.name for trace in medians] == ["p, 3 seeds", "q, 3 seeds"]
    assert medians[0].line.color != medians[1].line.color
    assert medians[0].line.dash != medians[1].line.dash


def test_a_front_is_in_order_without_gaps_and_costs_over_a_decade_are_logarithmic():
    axes = load_objective("params"), load_objective("map")
    points = np.array([[3e6, 0.5], [1e5, 0.2], [np.nan, 0.9], [2e6, 0.4], [2.5e6, 0.3]])
    line = front_line("run", "group", points, ["d", "a", "x", "b", "c"], axes)
    assert line.names == ["a", "b", "c", "d"]
    assert line.best.tolist() == [True, True, False, True]
    figure = fronts_figure([line], axes)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", None)
    assert figure.data[0].x.tolist() == [1e5, 2e6, 3e6]


def test_no_two_groups_look_alike():
    looks = [style(number) for number in range(36)]
    assert len(set(looks)) == 36
