import os
import signal
from pathlib import Path

import pytest

from evonas.errors import ConfigurationError, DataError
from evonas.latency import measure_device
from evonas.latency.campaigns.cluster import measure_on_cluster
from evonas.latency.sources.measurement import Measurement
from evonas.space import Architecture, load_published

pytestmark = pytest.mark.cluster

NETWORKS = [load_published("mobiledet-cpu"), *[load_published("mobiledet-dsp")] * 60]
WIDTHS = [float(network.blocks[1].width) for network in NETWORKS]


class Widths:
    """Answers with a width; the first time it is asked for the first network, the machine dies."""

    versions: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, killed: Path | None = None, complains: bool = False) -> None:
        self.killed, self.complains = killed, complains

    def measure(self, architecture: Architecture) -> Measurement:
        first = architecture == NETWORKS[0]
        if first and self.complains:
            raise DataError("not this one")
        if first and self.killed is not None and not self.killed.exists():
            self.killed.touch()
            os.kill(os.getppid(), signal.SIGKILL)  # Ray's process, of which this is a child
        return Measurement(float(architecture.blocks[1].width))


@pytest.fixture(scope="module", autouse=True)
def cluster():
    import ray

    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield
    ray.shutdown()


def test_work_of_a_lost_worker_is_done_again(tmp_path):
    killed = tmp_path / "killed"
    answers = list(measure_on_cluster(Widths(killed), NETWORKS, "auto"))
    assert [answer and answer.latency_ms for answer in answers] == WIDTHS
    assert killed.exists()


def test_complaints_arrive():
    with pytest.raises(DataError, match="not this one"):
        list(measure_on_cluster(Widths(complains=True), NETWORKS[:1], "auto"))


def test_a_campaign_on_a_cluster_is_that_of_one_process(tmp_path):
    there = measure_device("ethos-u55-256", "nano", 12, data_dir=tmp_path / "ray", ray="auto")
    here = measure_device("ethos-u55-256", "nano", 12, data_dir=tmp_path / "local")
    assert there.genotypes.tolist() == here.genotypes.tolist()
    assert there.columns["latency_ms"].tolist() == here.columns["latency_ms"].tolist()


def test_a_measured_device_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="many machines"):
        measure_device("cpu-xnnpack", "nano", 1, data_dir=tmp_path, ray="auto")
