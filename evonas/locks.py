"""Locks that say whether a process lives: the system drops them when it dies, however it dies.

`fcntl.lockf` locks belong to a process, not to a file descriptor: children that it forks do not
have them, and they are gone once the process closes the file anywhere. So a process must not ask
`is_locked` about a lock that it holds itself.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evonas.errors import SchemaError

_PAUSE = 0.02  # between attempts, in seconds; `is_locked` holds a lock for much less


@contextmanager
def locked(path: Path, patience: float = 1.0) -> Iterator[bool]:
    """Tries to hold a lock for the block.

    Args:
        path: The lock's file, made if it is not there.
        patience: Seconds to try for.

    Yields:
        Whether it is held.

    Raises:
        SchemaError: Something that is no file of ours stands there.
    """
    descriptor = take_lock(path, patience)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def take_lock(path: Path, patience: float = 0.0) -> int | None:
    """Takes a lock until the returned descriptor is closed; None if another process has it.

    Raises:
        SchemaError: Something that is no file of ours stands there, or none can be made.
    """
    descriptor = _open(path, os.O_RDWR | os.O_CREAT)
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except OSError:
            if time.monotonic() >= end:
                os.close(descriptor)
                return None
        time.sleep(_PAUSE)


def is_locked(path: Path) -> bool:
    """Returns whether another process holds a lock.

    Raises:
        SchemaError: Something that is no file of ours stands there.
    """
    if not os.path.lexists(path):
        return False
    try:
        descriptor = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _open(path: Path, flags: int) -> int:
    """Opens a lock's file; no link is followed, and no pipe is waited for."""
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SchemaError(f"{path}: cannot be used as a lock: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SchemaError(f"{path}: cannot be used as a lock: no regular file; remove it")
    return descriptor
