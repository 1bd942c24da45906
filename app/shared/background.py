"""A process that outlives the app, one a folder: starting, asking whether it lives, ending.

While it lives it holds a lock on `alive.lock`, inherited from whoever started it: a lock goes
with its process, whatever becomes of process numbers, and a new server sees it as well.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from evonas.errors import ConfigurationError
from evonas.files import write_atomically

LOG = "output.log"
PLACES = 2  # of processes that wait for one another
_LOCK, _PID, _STOPPED, _WAITING = "alive.lock", "pid", "stopped", "waiting"
_PATIENCE = 3.0  # seconds between asking a process to end and making it
_PAUSE = 0.05  # seconds between looks


def evonas_command(arguments: Sequence[str]) -> list[str]:
    """Returns what runs `evonas ARGUMENTS` with this server's Python."""
    return [sys.executable, "-m", "evonas", *arguments]


def spawn(folder: Path, arguments: Sequence[str], places: Path | None = None) -> None:
    """Starts `evonas ARGUMENTS` in a session of its own, its output in the folder's log.

    Args:
        folder: Of the process.
        arguments: Of `evonas`.
        places: Where the places lie of which it waits for one; it need not wait if None.

    Raises:
        ConfigurationError: One is running for this folder.
    """
    with (folder / _LOCK).open("a") as lock:
        if not _wait(lambda: _take(lock.fileno()), 10 * _PAUSE):  # a look holds it for a moment
            raise ConfigurationError(f"{folder.name} is running")
        for file in (_PID, _STOPPED, _WAITING):
            (folder / file).unlink(missing_ok=True)
        command = evonas_command(arguments)
        if places is not None:
            waiting = folder / _WAITING
            waiting.touch()
            wait = [str(places), str(PLACES), str(waiting)]
            command = [sys.executable, "-I", str(Path(__file__).with_name("places.py")), *wait,
                       *command]  # fmt: skip
        with (folder / LOG).open("w") as log:
            process = subprocess.Popen(
                command,
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


def is_waiting(folder: Path) -> bool:
    """Returns whether the folder's process, which lives, waits for a place."""
    return (folder / _WAITING).exists()


def was_stopped(folder: Path) -> bool:
    """Returns whether the process was ended by `end`."""
    return (folder / _STOPPED).exists()


def end(folder: Path) -> None:
    """Asks the process and its children to end, and after a while makes them."""
    if not is_alive(folder):
        return
    write_atomically(folder / _STOPPED, b"")
    # It may have been started this moment, its number not yet written.
    if not _wait((folder / _PID).exists, _PATIENCE):
        raise ConfigurationError(
            f"{folder.name} has no process number; end it where it was started"
        )
    group = int((folder / _PID).read_text())
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.killpg(group, number)
        if _wait(lambda: not is_alive(folder), _PATIENCE):
            return


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(met: Callable[[], bool], seconds: float) -> bool:
    """Waits until a condition is met; returns whether it was in time."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True
