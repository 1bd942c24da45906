import os
import time

import pytest

from evonas.errors import DataError
from evonas.latency.sources.measurement import Measurement
from evonas.latency.sources.pool import measure_each
from evonas.space import Architecture, load_published

pytestmark = pytest.mark.slow  # every worker is a fresh interpreter

NETWORKS = [load_published(n) for n in ("mobiledet-cpu", "mobiledet-dsp", "mobiledet-edgetpu")]


class Widths:
    """Answers with the stem's width; crashes, runs away or complains at one of them."""

    versions: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, at: int = 0, how: str = "") -> None:
        self.at, self.how = at, how

    def measure(self, architecture: Architecture) -> Measurement:
        if len(architecture.blocks[1].ops) == self.at:
            if self.how == "crash":
                os._exit(1)
            if self.how == "complain":
                raise DataError("not this one")
            while True:
                time.process_time()
        return Measurement(float(architecture.blocks[1].width))


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_come_in_order(workers: int) -> None:
    found = [answer and answer.latency_ms for answer in measure_each(Widths(), NETWORKS, workers)]
    assert found == [float(a.blocks[1].width) for a in NETWORKS]


@pytest.mark.parametrize("how", ["crash", "run away"])
def test_a_lost_worker_is_replaced(how: str) -> None:
    found = list(measure_each(Widths(1, how), NETWORKS[:2], cpu_seconds=1.0))
    assert found[0] is None
    assert found[1] is not None


class Process:
    """Answers with its process."""

    versions: dict[str, str] = {}  # noqa: RUF012

    def measure(self, _: Architecture) -> Measurement:
        return Measurement(float(os.getpid()))


def test_a_worker_is_replaced_after_many_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonas.latency.sources.pool._NETWORKS", 2)
    found = [answer and answer.latency_ms for answer in measure_each(Process(), NETWORKS)]
    assert found[0] == found[1]
    assert found[2] not in (None, found[0])


def test_complaints_arrive() -> None:
    with pytest.raises(DataError, match="not this one"):
        list(measure_each(Widths(1, "complain"), NETWORKS))
