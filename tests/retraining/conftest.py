import pytest

from evonas.data import make_digits

ARCHITECTURE = "pico:0000000"
QUICK = ("steps=6", "batch_size=4", "warmup_steps=2", "validations=2")


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=12, val=6)
