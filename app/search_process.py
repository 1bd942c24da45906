"""The process of a search: starting, asking whether it lives, ending.

While it lives it holds a lock on `search.lock`, inherited from whoever started it: a lock goes
with its process, whatever becomes of process numbers, and a new server sees it as well.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from evonas.errors import ConfigurationError
from evonas.files import write_atomically

LOG = "search.log"
_LOCK, _PID, _STOPPED = "search.lock", "pid", "stopped"
_PATIENCE = 3.0  # seconds between asking a process to end and making it


def spawn(folder: Path, arguments: Sequence[str]) -> None:
    """Starts `evonas ARGUMENTS` in a session of its own, its output in the folder's log.

    Raises:
        ConfigurationError: One is running for this folder.
    """
    with (folder / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(f"{folder.name} is running") from error
        (folder / _STOPPED).unlink(missing_ok=True)
        with (folder / LOG).open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "evonas.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )
        write_atomically(folder / _PID, f"{process.pid}".encode())


def is_alive(folder: Path) -> bool:
    """Returns whether the folder's process still holds its lock."""
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def was_stopped(folder: Path) -> bool:
    """Returns whether the process was ended by `end`."""
    return (folder / _STOPPED).exists()


def end(folder: Path) -> None:
    """Asks the process and its children to end, and after a while makes them."""
    if not is_alive(folder):
        return
    write_atomically(folder / _STOPPED, b"")
    group = int((folder / _PID).read_text())
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(group, number)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if not is_alive(folder):
                return
            time.sleep(0.05)
