from dataclasses import replace

import pytest

from evonas.data import make_digits
from evonas.jobs import JobQueue
from evonas.retraining import plan_training

ARCHITECTURE = "pico:0000000"
QUICK = ("steps=6", "batch_size=4", "warmup_steps=2", "validations=2")


@pytest.fixture(scope="session")
def request_of(tmp_path_factory):
    """Returns the request of a small training by its seed."""
    data = make_digits(tmp_path_factory.mktemp("data") / "digits", train=12, val=6)
    request = plan_training(ARCHITECTURE, data, changes=QUICK)
    return lambda seed=0: replace(request, seed=seed)


@pytest.fixture
def queue(tmp_path):
    return JobQueue(tmp_path / "jobs")
