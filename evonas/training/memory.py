"""Memory: how it is taken from the system, and what fits into it."""

import ctypes
import sys
from typing import Any

import torch

from evonas.detector import Network, anchor_boxes, detection_loss
from evonas.space import Architecture

# What torch, and its oneDNN, say where the system gives no more.
_NO_MEMORY = ("allocate memory", "could not create a primitive")

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_freed_memory() -> bool:
    """Makes the C library keep freed blocks for the next ones, for the rest of the process.

    A training step frees and takes the same blocks again and again. By default glibc gives large
    ones back to the system each time, and every page of them is cleared anew, which costs a
    step of small networks on a CPU much of its time (`scripts/bench_training.py --keep-freed none`
    tells how much).

    Returns:
        Whether it took effect; other C libraries are left as they are.
    """
    mallopt = _of_c_library("mallopt")
    return bool(mallopt and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))


def _of_c_library(name: str) -> Any:
    """Returns a function of glibc, None with other C libraries."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)


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
    malloc_trim = _of_c_library("malloc_trim")
    while tried > 1:
        tried //= 2
        if malloc_trim:
            malloc_trim(0)  # what is kept for the next step, see above
        if _has_room(network, architecture, tried):
            return tried
    return 0


def _has_room(network: Network, architecture: Architecture, n_images: int) -> bool:
    """Tries a step; nothing of it is left when this returns."""
    device, skeleton = next(network.parameters()).device, architecture.skeleton
    try:
        images = torch.zeros(n_images, 3, *[skeleton.image_size] * 2, device=device)
        codes, logits = network.run(images, architecture)
        boxes = torch.zeros(n_images, 1, 4, device=device)
        labels = torch.full((n_images, 1), -1, device=device)
        anchors = anchor_boxes(skeleton).to(device)
        torch.autograd.backward(detection_loss(codes, logits, anchors, boxes, labels).total)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        network.zero_grad(set_to_none=True)
    return True
