"""Seconds by the wall and of processors, of a server and of all else that this process started."""

import contextlib
import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]  # by the wall, of the server, of the browser


class Clock:
    """Seconds since it was made: by the wall, of a server's processor time, of the browser's."""

    def __init__(self, server: int | None = None) -> None:
        self._server = server
        self._before = self._now()

    def _now(self) -> Times:
        everything = processor_seconds(os.getpid()) - sum(os.times()[:2])
        server = processor_seconds(self._server) if self._server else 0.0
        return np.array([time.perf_counter(), server, everything - server])

    def read(self, server: int | None = None) -> Times:
        """Returns the three; `server` is the process that was started meanwhile."""
        self._server = server or self._server
        return self._now() - self._before


def processor_seconds(pid: int) -> float:
    """Returns the processor time of a process and all below it, ended ones too, in seconds."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            fields = entry.read_text().rpartition(")")[2].split()
            # Its own, and that of its children which have ended: a closed page's process is one.
            ticks[int(entry.parent.name)] = sum(map(int, fields[11:15]))
            children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    total, found = 0, [pid]
    while found:
        process = found.pop()
        total += ticks.get(process, 0)
        found += children.get(process, [])
    return total / os.sysconf("SC_CLK_TCK")
