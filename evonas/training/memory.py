"""Memory: how it is taken from the system, and how its end shows."""

import ctypes
import sys

import torch

# What torch, and its oneDNN, say where the system gives no more.
_NO_MEMORY = ("allocate memory", "could not create a primitive")

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_freed_memory() -> bool:
    """Makes the C library keep freed blocks for the next ones, for the rest of the process.

    A training step frees and takes the same blocks again and again. By default glibc gives large
    ones back to the system each time, and every page of them is cleared anew, which costs a
    step of small networks on a CPU much of its time (`scripts/bench/training.py --keep-freed none`
    tells how much).

    Returns:
        Whether it took effect; other C libraries are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))


def is_out_of_memory(error: Exception) -> bool:
    """Returns whether an error says that memory has run out, on a GPU or in this process."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)
    )
