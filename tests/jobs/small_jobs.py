"""Requests of small trainings."""

from dataclasses import replace

from evonas.data import make_digits
from evonas.retraining import plan_training

QUICK = ("steps=6", "batch_size=4", "warmup_steps=2", "validations=2")


def make_requests(folder):
    """Returns what gives the request of a small training by its seed."""
    data = make_digits(folder / "digits", train=12, val=6)
    request = plan_training("pico:0000000", data, changes=QUICK)
    return lambda seed=0: replace(request, seed=seed)
