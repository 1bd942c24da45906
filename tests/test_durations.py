import pytest

from evonas.durations import show_rate, show_seconds


@pytest.mark.parametrize("rate", [1e-4, 0.3, 0.49, 1.0, 9.99, 10.0, 4321.0])
def test_rates_are_never_rounded_to_nothing(rate):
    assert float(show_rate(rate)) == pytest.approx(rate, rel=0.06)


def test_half_a_minute_is_not_nothing():
    assert [show_seconds(s) for s in (0, 29.4, 60, 3599.7, 90061)] == [
        "0:00", "0:29", "1:00", "1:00:00", "25:01:01",
    ]  # fmt: skip
