from evonas.search.algorithms import ABOUT, ALGORITHMS


def test_every_algorithm_has_a_line():
    assert {*ALGORITHMS} <= {*ABOUT}
    assert all(ABOUT[name] for name in ALGORITHMS)
