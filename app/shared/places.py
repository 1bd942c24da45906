"""Waits for one of a few places, then becomes the command that was asked for.

Run by its path, as a process of its own, and of the standard library alone. A place is a lock which
goes with its process, so that no searches are counted, and none is left over by a crash.
"""

import fcntl
import os
import sys
import time

_PAUSE = 0.3  # seconds between looks


def main(folder: str, places: int, waiting: str, command: list[str]) -> None:
    """Takes a place, removes the file `waiting`, and becomes the command.

    Args:
        folder: Where the places' locks lie.
        places: How many there are.
        waiting: A file that is there until the command starts.
        command: Program and arguments.
    """
    os.makedirs(folder, exist_ok=True)
    while True:
        for number in range(places):
            place = os.open(os.path.join(folder, f"{number}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(place)
                continue
            os.set_inheritable(place, True)  # it is held as long as the command runs
            if os.path.exists(waiting):
                os.unlink(waiting)
            os.execv(command[0], command)
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:])
