"""Where a training runs: the device, and the processes that `torchrun` started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from evonas.errors import ConfigurationError
from evonas.training.processes import ALONE, Processes


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """Joins the processes that `torchrun` started; without it this one is alone."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    torch.distributed.init_process_group(backend)
    try:
        yield Processes(torch.distributed.get_rank(), count)
    finally:
        torch.distributed.destroy_process_group()


def pick_device(name: str) -> torch.device:
    """Returns the device of that name; by default the GPU, or the CPU without one.

    `cuda` without a number is this process's own GPU under `torchrun`, else the first.

    Raises:
        ConfigurationError: There is no such device.
    """
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch raises either for a missing GPU
        raise ConfigurationError(f"no device {name!r} here ({error})") from error
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device
