"""Memory: how it is taken from the system, and what fits into it."""

import ctypes
import sys

import torch

from evonas.detector import Network, anchor_boxes, detection_loss
from evonas.space import Architecture

# What torch, and its oneDNN, say where the system gives no more.
_NO_MEMORY = ("allocate memory", "could not create a primitive")

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_freed_memory() -> bool:
    """Makes the C library keep freed blocks for the next ones, for the rest of the process.

    A training step frees and takes the same blocks again and again. By default glibc gives large
    ones back to the system each time, and every page of them is cleared anew: a fifth to a third
    of a step of small networks on a CPU (`scripts/bench_training.py`).

    Returns:
        Whether it took effect; other C libraries are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))


def is_out_of_memory(error: Exception) -> bool:
    """Returns whether an error says that memory has run out, on a GPU or in this process."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)
    )


def largest_batch(network: Network, architecture: Architecture, tried: int) -> int:
    """Returns the largest of tried / 2, tried / 4, ... images that a step has room for; 0 if none.

    Args:
        network: The network, where it is to be trained; its gradients are removed.
        architecture: What to run.
        tried: A batch that was too large.
    """
    device = next(network.parameters()).device
    skeleton = architecture.skeleton
    while tried > 1:
        tried //= 2
        network.zero_grad(set_to_none=True)
        try:
            images = torch.zeros(tried, 3, *[skeleton.image_size] * 2, device=device)
            codes, logits = network.run(images, architecture)
            boxes = torch.zeros(tried, 1, 4, device=device)
            labels = torch.full((tried, 1), -1, device=device)
            loss = detection_loss(codes, logits, anchor_boxes(skeleton).to(device), boxes, labels)
            torch.autograd.backward(loss.total)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            continue
        network.zero_grad(set_to_none=True)
        return tried
    return 0
