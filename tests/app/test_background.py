import fcntl
import threading
import time

import pytest

from app.shared import background
from evonas.errors import ConfigurationError


def test_a_process_without_a_number_yet_is_waited_for(tmp_path, monkeypatch):
    """Between the lock and the number lie milliseconds: here they are made long."""
    started = threading.Event()
    write = background.write_atomically

    def late(path, content):
        if path.name == "pid":
            started.set()
            time.sleep(0.5)
        write(path, content)

    monkeypatch.setattr(background, "write_atomically", late)
    endless = ["worker", f"--jobs={tmp_path / 'jobs'}"]
    (tmp_path / "pid").write_text("999999999")  # of an earlier process
    spawning = threading.Thread(target=background.spawn, args=(tmp_path, endless))
    spawning.start()
    assert started.wait(10)
    background.end(tmp_path)
    spawning.join()
    assert not background.is_alive(tmp_path)
    assert background.was_stopped(tmp_path)


def test_one_process_a_folder(tmp_path):
    with (tmp_path / "alive.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert background.is_alive(tmp_path)
        with pytest.raises(ConfigurationError, match="is running"):
            background.spawn(tmp_path, ["--help"])
    assert not background.is_alive(tmp_path)


def test_a_process_that_has_ended_is_not_ended_again(tmp_path):
    background.end(tmp_path)
    assert not background.was_stopped(tmp_path)
